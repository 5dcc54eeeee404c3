// Our LV2 declarations beside the official ones: this compiles only if they are the same.
#include <cstddef>

#include "headers_alike.h"
#include "plugin/lv2/lv2_abi.h"

// Last, because it is C and takes its names for itself.
#include <lv2.h>

namespace ours = unbraid::plugin::lv2;

#define SAME_SIZE(type) static_assert(sizeof(ours::type) == sizeof(::type))
#define SAME_FIELD(type, field)                                           \
  static_assert(offsetof(ours::type, field) == offsetof(::type, field) && \
                sizeof(ours::type::field) == sizeof(::type::field))
#define SAME_FUNCTION(type, field)                                        \
  static_assert(offsetof(ours::type, field) == offsetof(::type, field) && \
                alike_functions<decltype(ours::type::field), decltype(::type::field)>())

SAME_SIZE(LV2_Handle);
SAME_SIZE(LV2_Feature);
SAME_FIELD(LV2_Feature, URI);
SAME_FIELD(LV2_Feature, data);
SAME_SIZE(LV2_Descriptor);
SAME_FIELD(LV2_Descriptor, URI);
SAME_FUNCTION(LV2_Descriptor, instantiate);
SAME_FUNCTION(LV2_Descriptor, connect_port);
SAME_FUNCTION(LV2_Descriptor, activate);
SAME_FUNCTION(LV2_Descriptor, run);
SAME_FUNCTION(LV2_Descriptor, deactivate);
SAME_FUNCTION(LV2_Descriptor, cleanup);
SAME_FUNCTION(LV2_Descriptor, extension_data);

int main() {}
