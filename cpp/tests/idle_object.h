#pragma once

#include "plugin/vst3/vst3_abi.h"

/// A VST3 object of a host that lives on the stack, so that counting references is idle.
template <typename Base>
struct Idle : Base {
  unbraid::plugin::vst3::tresult PLUGIN_API queryInterface(const unbraid::plugin::vst3::TUID,
                                                           void**) override {
    return unbraid::plugin::vst3::kNoInterface;
  }
  unbraid::plugin::vst3::uint32 PLUGIN_API addRef() override { return 1; }
  unbraid::plugin::vst3::uint32 PLUGIN_API release() override { return 1; }
};
