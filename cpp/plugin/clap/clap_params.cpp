#include <algorithm>
#include <string>

#include "plugin/clap/clap.h"
#include "plugin/entry.h"

namespace unbraid::plugin::clap {

const clap_plugin_params_t Plugin::kParameters{
    [](const clap_plugin_t* p) {
      return static_cast<std::uint32_t>(self(p).engine_.parameters().size());
    },
    [](const clap_plugin_t* p, std::uint32_t index, clap_param_info_t* info) {
      const Parameters& parameters = self(p).engine_.parameters();
      if (index >= static_cast<std::uint32_t>(parameters.size())) return false;
      const Parameter& parameter = parameters[static_cast<int>(index)];
      *info = {};
      info->id = parameter.id;
      write(parameter.title, info->name);
      info->min_value = parameter.value_of(0);
      info->max_value = parameter.value_of(parameter.steps);
      info->default_value = parameter.value_of(parameter.initial);
      switch (parameter.kind) {
        case Kind::kFader:
          info->flags = CLAP_PARAM_IS_AUTOMATABLE;
          break;
        case Kind::kBypass:
          info->flags = CLAP_PARAM_IS_AUTOMATABLE | CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_BYPASS;
          break;
        case Kind::kSolo:
          info->flags = CLAP_PARAM_IS_AUTOMATABLE | CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_ENUM;
          break;
        case Kind::kModel:
          info->flags = CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_ENUM;
          break;
        case Kind::kStatus:
          info->flags = CLAP_PARAM_IS_READONLY | CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_ENUM;
          break;
      }
      return true;
    },
    [](const clap_plugin_t* p, clap_id id, double* value) {
      const Engine& engine = self(p).engine_;
      const int index = engine.parameters().index_of(id);
      if (index < 0) return false;
      *value = engine.parameters()[index].value_of(engine.value(index));
      return true;
    },
    [](const clap_plugin_t* p, clap_id id, double value, char* text, std::uint32_t size) {
      const Parameters& parameters = self(p).engine_.parameters();
      const int index = parameters.index_of(id);
      if (index < 0 || !text || size == 0) return false;
      const Parameter& parameter = parameters[index];
      return guarded(false, [&] {
        std::string written = parameter.text(parameter.step_of(value));
        if (!parameter.unit.empty()) written += " " + parameter.unit;
        const std::size_t length = std::min<std::size_t>(written.size(), size - 1);
        std::copy_n(written.data(), length, text);
        text[length] = '\0';
        return true;
      });
    },
    [](const clap_plugin_t* p, clap_id id, const char* text, double* value) {
      const Parameters& parameters = self(p).engine_.parameters();
      const int index = parameters.index_of(id);
      if (index < 0 || !text) return false;
      const int step = guarded(-1, [&] { return parameters[index].parse(text); });
      if (step < 0) return false;
      *value = parameters[index].value_of(step);
      return true;
    },
    [](const clap_plugin_t* p, const clap_input_events_t* in, const clap_output_events_t* out) {
      guarded([&] {
        self(p).flush(in);
        self(p).report_changes(out);
      });
    },
};

}  // namespace unbraid::plugin::clap
