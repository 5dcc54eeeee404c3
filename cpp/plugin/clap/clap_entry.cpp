#include <cstring>

#include "plugin/clap/clap.h"
#include "plugin/entry.h"

namespace unbraid::plugin::clap {
namespace {

const clap_plugin_factory_t kFactory{
    [](const clap_plugin_factory_t*) { return 1u; },
    [](const clap_plugin_factory_t*, std::uint32_t index) {
      return index == 0 ? &descriptor() : nullptr;
    },
    [](const clap_plugin_factory_t*, const clap_host_t* host, const char* id) {
      return guarded<const clap_plugin_t*>(nullptr, [&]() -> const clap_plugin_t* {
        if (!id || std::strcmp(id, descriptor().id) != 0) return nullptr;
        return (new Plugin(host))->plugin();
      });
    },
};

const void* get_factory(const char* id) {
  return id && std::strcmp(id, CLAP_PLUGIN_FACTORY_ID) == 0 ? &kFactory : nullptr;
}

}  // namespace
}  // namespace unbraid::plugin::clap

extern "C" {
UNBRAID_EXPORT extern const unbraid::plugin::clap::clap_plugin_entry_t clap_entry;
const unbraid::plugin::clap::clap_plugin_entry_t clap_entry{
    unbraid::plugin::clap::CLAP_VERSION,
    [](const char*) { return true; },
    [] {},
    &unbraid::plugin::clap::get_factory,
};
}
