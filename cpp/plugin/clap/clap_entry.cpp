#include <cstring>
#include <exception>

#include "plugin/clap/clap.h"

namespace unbraid::plugin::clap {
namespace {

const Factory kFactory{
    [](const Factory*) { return 1u; },
    [](const Factory*, std::uint32_t index) { return index == 0 ? &descriptor() : nullptr; },
    [](const Factory*, const Host* host, const char* id) -> const Interface* {
      if (std::strcmp(id, descriptor().id) != 0) return nullptr;
      try {
        return (new Plugin(host))->interface();
      } catch (const std::exception&) {
        return nullptr;
      }
    },
};

}  // namespace
}  // namespace unbraid::plugin::clap

extern "C" {
__attribute__((visibility("default"))) extern const unbraid::plugin::clap::Entry clap_entry;
const unbraid::plugin::clap::Entry clap_entry{
    unbraid::plugin::clap::kVersion,
    [](const char*) { return true; },
    [] {},
    [](const char* id) -> const void* {
      const bool known = std::strcmp(id, unbraid::plugin::clap::kFactoryId) == 0;
      return known ? &unbraid::plugin::clap::kFactory : nullptr;
    },
};
}
