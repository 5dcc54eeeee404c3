#include <algorithm>
#include <string_view>

#include "plugin/entry.h"
#include "plugin/vst3/vst3.h"

namespace unbraid::plugin::vst3 {
namespace {

constexpr FUID kClassId{0x3E0C5A7B, 0x91D24F6E, 0xA1B86C04, 0x5D7729EF};
constexpr const char* kVendor = "Unbraid";

template <std::size_t Size>
void write(std::string_view text, char8 (&to)[Size]) {
  const std::size_t length = std::min(text.size(), Size - 1);
  std::copy_n(text.data(), length, to);
  to[length] = '\0';
}

/// What PClassInfo and PClassInfo2 have in common.
template <typename Info>
void describe(Info& info) {
  info = {};
  std::copy_n(kClassId.data, sizeof info.cid, info.cid);
  info.cardinality = PClassInfo::kManyInstances;
  write(kVstAudioEffectClass, info.category);
  write("Unbraid", info.name);
}

class PluginFactory final : public IPluginFactory2 {
 public:
  tresult PLUGIN_API queryInterface(const TUID id, void** object) override {
    if (!object) return kInvalidArgument;
    const bool known = id && (iidEqual(id, FUnknown::iid) || iidEqual(id, IPluginFactory::iid) ||
                              iidEqual(id, IPluginFactory2::iid));
    *object = known ? this : nullptr;
    return known ? kResultOk : kNoInterface;
  }
  // There is one, for as long as the library is loaded.
  uint32 PLUGIN_API addRef() override { return 1; }
  uint32 PLUGIN_API release() override { return 1; }

  tresult PLUGIN_API getFactoryInfo(PFactoryInfo* info) override {
    if (!info) return kInvalidArgument;
    *info = {};
    write(kVendor, info->vendor);
    info->flags = PFactoryInfo::kUnicode;
    return kResultOk;
  }
  int32 PLUGIN_API countClasses() override { return 1; }
  tresult PLUGIN_API getClassInfo(int32 index, PClassInfo* info) override {
    if (index != 0 || !info) return kInvalidArgument;
    describe(*info);
    return kResultOk;
  }
  tresult PLUGIN_API getClassInfo2(int32 index, PClassInfo2* info) override {
    if (index != 0 || !info) return kInvalidArgument;
    describe(*info);
    write("Fx|Restoration", info->subCategories);
    write(kVendor, info->vendor);
    write(UNBRAID_VERSION, info->version);
    write("VST 3.7", info->sdkVersion);
    return kResultOk;
  }
  tresult PLUGIN_API createInstance(FIDString cid, FIDString id, void** object) override {
    if (!object) return kInvalidArgument;
    *object = nullptr;
    if (!cid || !iidEqual(cid, kClassId)) return kInvalidArgument;
    return guarded<tresult>(kInternalError, [&] {
      auto* plugin = new Plugin;
      const tresult result = plugin->queryInterface(id, object);
      plugin->release();
      return result;
    });
  }
};

}  // namespace
}  // namespace unbraid::plugin::vst3

extern "C" {

// Each system has its own names for telling a library that it was loaded.
#if defined(_WIN32)
UNBRAID_EXPORT bool InitDll() { return true; }
UNBRAID_EXPORT bool ExitDll() { return true; }
#elif defined(__APPLE__)
UNBRAID_EXPORT bool bundleEntry(void*) { return true; }
UNBRAID_EXPORT bool bundleExit() { return true; }
#else
UNBRAID_EXPORT bool ModuleEntry(void*) { return true; }
UNBRAID_EXPORT bool ModuleExit() { return true; }
#endif

UNBRAID_EXPORT unbraid::plugin::vst3::IPluginFactory* PLUGIN_API GetPluginFactory() {
  static unbraid::plugin::vst3::PluginFactory factory;
  return &factory;
}

}  // extern "C"
