// A CLAP host that renders noise through a plug-in file, stems included, in blocks of many sizes.
// Usage: render_clap, with RENDER_PLUGIN and RENDER_OUTPUT naming files (arguments would come in a
// code page on Windows) and UNBRAID_PLUGIN_MODEL a model of three stems. The output gets rows of
// float32: the input in stereo; with all faders at 0 dB the remix and each stem; the same with
// faders that move. What is written starts with the input's first sample.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "plugin/clap/clap_abi.h"
#include "unbraid/model/installation.h"
#include "unbraid/model/shared_library.h"

using namespace unbraid::plugin::clap;

namespace {

constexpr double kSampleRate = 48000.0;
constexpr std::size_t kLength = 3 * 48000;
constexpr int kChannels = 2, kBuses = 4;  // remix and three stems
constexpr std::size_t kSizes[] = {512, 1, 441, 64, 4096, 777, 10000, 48};

using Signal = std::vector<float>;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

void check(bool passed, const char* what) {
  if (!passed) fail(std::string("failed: ") + what);
}

/// The same everywhere.
std::vector<Signal> make_input() {
  std::vector<Signal> input(kChannels, Signal(kLength));
  std::uint32_t seed = 1;
  for (Signal& channel : input) {
    for (float& sample : channel) {
      seed = seed * 1664525u + 1013904223u;
      sample = 0.25f * (static_cast<float>(seed >> 8) / (1 << 23) - 1.0f);
    }
  }
  return input;
}

struct Change {
  std::size_t position;
  const char* name;
  double value;
};

class Host {
 public:
  explicit Host(const clap_plugin_entry_t& entry) {
    check(entry.init(""), "init of the entry");
    const auto* factory =
        static_cast<const clap_plugin_factory_t*>(entry.get_factory(CLAP_PLUGIN_FACTORY_ID));
    check(factory && factory->get_plugin_count(factory) == 1, "a factory of one plug-in");
    plugin_ =
        factory->create_plugin(factory, &host_, factory->get_plugin_descriptor(factory, 0)->id);
    check(plugin_ && plugin_->init(plugin_), "a plug-in");
    params_ = extension<clap_plugin_params_t>(CLAP_EXT_PARAMS);
    const auto* configs = extension<clap_plugin_audio_ports_config_t>(CLAP_EXT_AUDIO_PORTS_CONFIG);
    check(configs->select(plugin_, 2), "stereo and stems");
  }
  ~Host() { plugin_->destroy(plugin_); }
  Host(const Host&) = delete;

  /// [kBuses * kChannels] signals, aligned with the input.
  std::vector<Signal> render(const std::vector<Signal>& input, const std::vector<Change>& changes) {
    check(plugin_->activate(plugin_, kSampleRate, 1, 10000), "activate");
    check_status();
    check(plugin_->start_processing(plugin_), "start_processing");
    const std::size_t latency = extension<clap_plugin_latency_t>(CLAP_EXT_LATENCY)->get(plugin_);
    std::vector<Signal> late(kBuses * kChannels, Signal(kLength + latency));
    std::vector<Signal> padded = input;
    for (Signal& channel : padded) channel.resize(kLength + latency);
    for (std::size_t start = 0, block = 0; start < kLength + latency; ++block) {
      const std::size_t size =
          std::min(kSizes[block % std::size(kSizes)], kLength + latency - start);
      process(padded, late, start, size, changes);
      start += size;
    }
    plugin_->stop_processing(plugin_);
    plugin_->deactivate(plugin_);
    for (Signal& signal : late) signal.erase(signal.begin(), signal.begin() + latency);
    return late;
  }

 private:
  template <typename Extension>
  const Extension* extension(const char* id) const {
    const void* found = plugin_->get_extension(plugin_, id);
    if (!found) fail(std::string("no extension ") + id);
    return static_cast<const Extension*>(found);
  }

  clap_id id_of(const char* name) const {
    clap_param_info_t info;
    for (std::uint32_t i = 0; i < params_->count(plugin_); ++i) {
      if (params_->get_info(plugin_, i, &info) && !std::strcmp(info.name, name)) return info.id;
    }
    fail(std::string("no parameter ") + name);
  }

  void check_status() const {
    double status = 0.0;
    char text[64] = "?";
    check(params_->get_value(plugin_, id_of("Status"), &status), "a status");
    params_->value_to_text(plugin_, id_of("Status"), status, text, sizeof text);
    if (std::strcmp(text, "ready") != 0) fail(text);
  }

  void process(std::vector<Signal>& input, std::vector<Signal>& late, std::size_t start,
               std::size_t size, const std::vector<Change>& changes) {
    std::vector<clap_event_param_value_t> events;
    for (const Change& change : changes) {
      if (change.position < start || change.position >= start + size) continue;
      clap_event_param_value_t event{};
      event.header = {sizeof event, static_cast<std::uint32_t>(change.position - start),
                      CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
      event.param_id = id_of(change.name);
      event.value = change.value;
      events.push_back(event);
    }
    using Events = std::vector<clap_event_param_value_t>;
    const clap_input_events_t in{
        &events,
        [](const clap_input_events_t* list) {
          return static_cast<std::uint32_t>(static_cast<const Events*>(list->ctx)->size());
        },
        [](const clap_input_events_t* list, std::uint32_t index) {
          return &(*static_cast<const Events*>(list->ctx))[index].header;
        }};
    const clap_output_events_t out{
        nullptr, [](const clap_output_events_t*, const clap_event_header_t*) { return true; }};
    float* rows[kChannels + kBuses * kChannels];
    for (int i = 0; i < kChannels; ++i) rows[i] = input[i].data() + start;
    for (int i = 0; i < kBuses * kChannels; ++i) rows[kChannels + i] = late[i].data() + start;
    clap_audio_buffer_t source{rows, nullptr, kChannels, 0, 0};
    clap_audio_buffer_t targets[kBuses];
    for (int bus = 0; bus < kBuses; ++bus) {
      targets[bus] = {rows + kChannels * (1 + bus), nullptr, kChannels, 0, 0};
    }
    const clap_process_t block{
        0, static_cast<std::uint32_t>(size), nullptr, &source, targets, 1, kBuses, &in, &out};
    check(plugin_->process(plugin_, &block) == CLAP_PROCESS_CONTINUE, "process");
  }

  clap_host_t host_{CLAP_VERSION,
                    nullptr,
                    "render_clap",
                    "",
                    "",
                    "",
                    [](const clap_host_t*, const char*) -> const void* { return nullptr; },
                    [](const clap_host_t*) {},
                    [](const clap_host_t*) {},
                    [](const clap_host_t*) {}};
  const clap_plugin_t* plugin_ = nullptr;
  const clap_plugin_params_t* params_ = nullptr;
};

}  // namespace

int main() {
  std::string failure;
  const void* symbol =
      unbraid::load_symbol(unbraid::environment_path("RENDER_PLUGIN"), "clap_entry", failure);
  if (!symbol) fail("RENDER_PLUGIN: " + failure);

  Host host(*static_cast<const clap_plugin_entry_t*>(symbol));
  const std::vector<Signal> input = make_input();
  std::ofstream file(unbraid::environment_path("RENDER_OUTPUT"), std::ios::binary);
  const auto write = [&](const std::vector<Signal>& signals) {
    for (const Signal& signal : signals) {
      file.write(reinterpret_cast<const char*>(signal.data()), signal.size() * sizeof(float));
    }
  };
  write(input);
  write(host.render(input, {}));
  write(host.render(input, {{0, "Music", -12.0},
                            {0, "Noise", 3.0},
                            {50000, "Noise", -72.0},
                            {70001, "Speech", 6.0},
                            {100000, "Solo", 2.0}}));
  if (!file.flush()) fail("RENDER_OUTPUT cannot be written");
  return 0;
}
