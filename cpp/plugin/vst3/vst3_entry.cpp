#include <algorithm>
#include <exception>
#include <string_view>

#include "plugin/vst3/vst3.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace unbraid::plugin::vst3 {
namespace {

constexpr Id kClassId{0x3E0C5A7B, 0x91D24F6E, 0xA1B86C04, 0x5D7729EF};
constexpr const char* kVendor = "Unbraid";

template <std::size_t Size>
void write(std::string_view text, char (&to)[Size]) {
  const std::size_t length = std::min(text.size(), Size - 1);
  std::copy_n(text.data(), length, to);
  to[length] = '\0';
}

void describe(ClassInfo& info) {
  std::copy_n(kClassId.bytes, sizeof info.cid, info.cid);
  info.cardinality = kManyInstances;
  write("Audio Module Class", info.category);
  write("Unbraid", info.name);
}

class PluginFactory final : public Factory2 {
 public:
  Result queryInterface(const void* id, void** object) override {
    if (!Unknown::id.matches(id) && !Factory::id.matches(id) && !Factory2::id.matches(id)) {
      *object = nullptr;
      return kNoInterface;
    }
    *object = this;
    return kOk;
  }
  // There is one, for as long as the library is loaded.
  std::uint32_t addRef() override { return 1; }
  std::uint32_t release() override { return 1; }

  Result getFactoryInfo(FactoryInfo* info) override {
    *info = {};
    write(kVendor, info->vendor);
    info->flags = kUnicodeTexts;
    return kOk;
  }
  std::int32_t countClasses() override { return 1; }
  Result getClassInfo(std::int32_t index, ClassInfo* info) override {
    if (index != 0) return kInvalidArgument;
    *info = {};
    describe(*info);
    return kOk;
  }
  Result getClassInfo2(std::int32_t index, ClassInfo2* info) override {
    if (index != 0) return kInvalidArgument;
    *info = {};
    describe(*info);
    write("Fx|Restoration", info->sub_categories);
    write(kVendor, info->vendor);
    write(UNBRAID_VERSION, info->version);
    write("VST 3.7", info->sdk_version);
    return kOk;
  }
  Result createInstance(const void* cid, const void* id, void** object) override {
    *object = nullptr;
    if (!kClassId.matches(cid)) return kInvalidArgument;
    try {
      auto* plugin = new Plugin;
      const Result result = plugin->queryInterface(id, object);
      plugin->release();
      return result;
    } catch (const std::exception&) {
      return kInternalError;
    }
  }
};

}  // namespace
}  // namespace unbraid::plugin::vst3

EXPORT bool ModuleEntry(void*) { return true; }
EXPORT bool ModuleExit() { return true; }
EXPORT unbraid::plugin::vst3::Unknown* GetPluginFactory() {
  static unbraid::plugin::vst3::PluginFactory factory;
  return static_cast<unbraid::plugin::vst3::Factory*>(&factory);
}
