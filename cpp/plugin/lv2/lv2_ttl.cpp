// Writes the files that tell LV2 hosts what the plug-in has, from the same table that it runs on.
// Usage: lv2_ttl FOLDER
#include <cstdio>
#include <fstream>
#include <string>

#include "plugin/lv2/lv2_ports.h"
#include "plugin/parameters.h"

namespace unbraid::plugin::lv2 {
namespace {

constexpr const char* kPrefixes = R"(@prefix doap: <http://usefulinc.com/ns/doap#> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pprops: <http://lv2plug.in/ns/ext/port-props#> .
@prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix units: <http://lv2plug.in/ns/extensions/units#> .

)";

struct Preset {
  const char* name;
  const char* label;
  double stem_db[3];  // of stem_names()
};
constexpr Preset kPresets[] = {
    {"voice-over-bed", "Voice over a bed", {0.0, -12.0, -24.0}},
    {"voice-alone", "Voice alone", {0.0, -72.0, -72.0}},
    {"no-voice", "Without the voice", {-72.0, 0.0, 0.0}},
    {"no-noise", "Without the noise", {0.0, 0.0, -72.0}},
};

std::string number(double db) {
  const int tenths = static_cast<int>(db * 10.0 + (db < 0 ? -0.5 : 0.5));
  const int size = tenths < 0 ? -tenths : tenths;
  return (tenths < 0 ? "-" : "") + std::to_string(size / 10) + "." + std::to_string(size % 10);
}

void write_audio(std::ostream& out, const char* direction, int index, int channel, int channels) {
  const std::string side = channels == 1 ? "" : channel == 0 ? "_left" : "_right";
  const bool input = std::string(direction) == "Input";
  out << "  lv2:port [\n    a lv2:AudioPort , lv2:" << direction << "Port ;\n    lv2:index "
      << index << " ;\n    lv2:symbol \"" << (input ? "in" : "out") << side
      << "\" ;\n    lv2:name \"" << direction
      << (channels == 1  ? ""
          : channel == 0 ? " left"
                         : " right")
      << "\"\n  ] ;\n";
}

void write_choices(std::ostream& out, const Parameter& parameter) {
  out << "    lv2:portProperty lv2:enumeration , lv2:integer ;\n    lv2:scalePoint";
  for (int step = 0; step <= parameter.steps; ++step) {
    out << (step ? " ,\n" : "\n") << "      [ rdfs:label \"" << parameter.choices[step]
        << "\" ; rdf:value " << step << " ]";
  }
  out << " ;\n";
}

void write_control(std::ostream& out, const Parameter& parameter, int index) {
  const bool output = parameter.kind == Kind::kStatus;
  out << "  lv2:port [\n    a lv2:ControlPort , lv2:" << (output ? "Output" : "Input")
      << "Port ;\n    lv2:index " << index << " ;\n";
  switch (parameter.kind) {
    case Kind::kFader:
      out << "    lv2:default 0.0 ;\n    lv2:minimum " << number(kFaderBottomDb)
          << " ;\n    lv2:maximum " << number(kFaderTopDb) << " ;\n    units:unit units:db ;\n"
          << "    pprops:rangeSteps " << kFaderSteps << " ;\n    lv2:scalePoint [ rdfs:label "
          << "\"mute\" ; rdf:value " << number(kFaderBottomDb) << " ] ;\n";
      break;
    case Kind::kBypass:
      out << "    lv2:designation lv2:enabled ;\n    lv2:portProperty lv2:toggled ;\n"
          << "    lv2:default 1 ;\n    lv2:minimum 0 ;\n    lv2:maximum 1 ;\n"
          << "    lv2:symbol \"enabled\" ;\n    lv2:name \"Enabled\"\n  ] ;\n";
      return;
    default:
      out << "    lv2:default " << parameter.initial << " ;\n    lv2:minimum 0 ;\n    lv2:maximum "
          << parameter.steps << " ;\n";
      write_choices(out, parameter);
  }
  out << "    lv2:symbol \"" << parameter.key << "\" ;\n    lv2:name \"" << parameter.title
      << "\"\n  ] ;\n";
}

void write_plugin(std::ostream& out, int plugin, const Parameters& parameters) {
  const int channels = kChannels[plugin];
  const Ports ports(channels, parameters);
  out << "<" << kUris[plugin] << ">\n  a lv2:Plugin , lv2:SpectralPlugin , doap:Project ;\n"
      << "  doap:name \"Unbraid" << (channels == 1 ? " (mono)" : "") << "\" ;\n"
      << "  doap:license <https://spdx.org/licenses/MIT> ;\n"
      << "  doap:maintainer [ foaf:name \"The Unbraid authors\" ] ;\n"
      << "  rdfs:comment \"A fader for each stem of a finished mixture: speech, music, noise.\" ;\n"
      << "  lv2:minorVersion 0 ;\n  lv2:microVersion 2 ;\n";
  for (int i = 0; i < channels; ++i) write_audio(out, "Input", i, i, channels);
  for (int i = 0; i < channels; ++i) write_audio(out, "Output", channels + i, i, channels);
  for (int i = 0; i < parameters.size(); ++i)
    write_control(out, parameters[i], ports.control() + i);
  out << "  lv2:port [\n    a lv2:ControlPort , lv2:OutputPort ;\n    lv2:index " << ports.latency()
      << " ;\n    lv2:designation lv2:latency ;\n"
      << "    lv2:portProperty lv2:reportsLatency , lv2:integer ;\n    units:unit units:frame ;\n"
      << "    lv2:default 1536 ;\n    lv2:minimum 0 ;\n    lv2:maximum 1000000 ;\n"
      << "    lv2:symbol \"latency\" ;\n    lv2:name \"Latency\"\n  ] .\n\n";
}

std::string preset_uri(int plugin, const Preset& preset) {
  return std::string(kUris[plugin]) + ":" + preset.name;
}

void write_presets(std::ostream& out, int plugin) {
  for (const Preset& preset : kPresets) {
    out << "<" << preset_uri(plugin, preset) << ">\n  a pset:Preset ;\n  lv2:appliesTo <"
        << kUris[plugin] << "> ;\n  rdfs:label \"" << preset.label << "\" ;\n  lv2:port ";
    for (int stem = 0; stem < 3; ++stem) {
      out << (stem ? " , " : "") << "[ lv2:symbol \"" << stem_names()[stem] << "_db\" ; pset:value "
          << number(preset.stem_db[stem]) << " ]";
    }
    out << " .\n\n";
  }
}

void write_manifest(std::ostream& out) {
  for (int plugin = 0; plugin < 2; ++plugin) {
    out << "<" << kUris[plugin] << ">\n  a lv2:Plugin ;\n  lv2:binary <Unbraid.so> ;\n"
        << "  rdfs:seeAlso <unbraid.ttl> .\n\n";
    for (const Preset& preset : kPresets) {
      out << "<" << preset_uri(plugin, preset) << ">\n  a pset:Preset ;\n  lv2:appliesTo <"
          << kUris[plugin] << "> ;\n  rdfs:seeAlso <unbraid.ttl> .\n\n";
    }
  }
}

}  // namespace
}  // namespace unbraid::plugin::lv2

int main(int argc, char** argv) {
  using namespace unbraid::plugin;
  if (argc != 2) return std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 2;
  const Parameters parameters(lv2::stem_names(), {});
  std::ofstream manifest(std::string(argv[1]) + "/manifest.ttl");
  std::ofstream description(std::string(argv[1]) + "/unbraid.ttl");
  manifest << lv2::kPrefixes;
  description << lv2::kPrefixes;
  lv2::write_manifest(manifest);
  for (int plugin = 0; plugin < 2; ++plugin) {
    lv2::write_plugin(description, plugin, parameters);
    lv2::write_presets(description, plugin);
  }
  return manifest.flush() && description.flush() ? 0 : 1;
}
