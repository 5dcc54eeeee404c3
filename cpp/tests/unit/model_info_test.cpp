#include "unbraid/model/model_info.h"

#include <doctest/doctest.h>

#include <string>

using namespace unbraid;

namespace {

Metadata sound() {
  return {{"unbraid.schema_version", "1"},
          {"unbraid.name", "toy"},
          {"unbraid.task", "speech_music_noise"},
          {"unbraid.stems", "speech,music,noise"},
          {"unbraid.bin_hz", "31.25"},
          {"unbraid.num_bins", "769"},
          {"unbraid.win_seconds", "0.032"},
          {"unbraid.hop_seconds", "0.016"},
          {"unbraid.window", "hann_sqrt"},
          {"unbraid.lookahead_frames", "2"},
          {"unbraid.mask", "real"},
          {"unbraid.license", "MIT"},
          {"unbraid.training_data", "none"},
          {"unbraid.training_run", "random weights"},
          {"producer", "not ours"}};
}

Metadata with(const std::string& key, const std::string& value) {
  Metadata metadata = sound();
  metadata["unbraid." + key] = value;
  return metadata;
}

bool accepts(const std::string& key, const std::string& value) {
  try {
    parse_model_info(with(key, value));
    return true;
  } catch (const ModelError& error) {
    // The message is for whoever made the model, so it says where to look.
    INFO(error.what());
    CHECK(std::string(error.what()).find("unbraid.") != std::string::npos);
    return false;
  }
}

void check_number(const std::string& key, std::initializer_list<const char*> good,
                  std::initializer_list<const char*> bad) {
  for (const char* value : good) {
    CAPTURE(key);
    CAPTURE(value);
    CHECK(accepts(key, value));
  }
  for (const char* value : bad) {
    CAPTURE(key);
    CAPTURE(value);
    CHECK_FALSE(accepts(key, value));
  }
  for (const char* value : {"", " ", "x", "1x", "nan", "inf", "-1", "1e999", "-1e999", "1,5",
                            "99999999999999999999", "0x10"}) {
    CAPTURE(key);
    CAPTURE(value);
    CHECK_FALSE(accepts(key, value));
  }
}

}  // namespace

TEST_CASE("all that is wrong can be collected, and is told in the order of the contract") {
  Metadata metadata = with("stems", "one");
  metadata.erase("unbraid.task");
  metadata["unbraid.hop_seconds"] = "0.02";
  metadata["unbraid.bin_hz"] = "30";
  Problems problems(Problems::Mode::kCollect);
  const ModelInfo info = parse_model_info(metadata, problems);
  REQUIRE(problems.found().size() == 4);
  CHECK_FALSE(problems.none());
  const char* keys[] = {"unbraid.task", "unbraid.stems", "unbraid.hop_seconds", "unbraid.bin_hz"};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(problems.found()[i].find(keys[i]) != std::string::npos);
  }
  CHECK(info.stem_names.empty());
  CHECK(info.num_bands() == 769);
  try {
    parse_model_info(metadata);
    FAIL("it was taken");
  } catch (const ModelError& error) {
    CHECK(error.what() == problems.found().front());
  }
}

TEST_CASE("what depends on an entry that is wrong is not told") {
  for (const char* key : {"num_bins", "win_seconds", "hop_seconds", "bin_hz"}) {
    Problems problems(Problems::Mode::kCollect);
    parse_model_info(with(key, "x"), problems);
    CAPTURE(key);
    CHECK(problems.found().size() == 1);
  }
}

TEST_CASE("what a sound model says of itself") {
  const ModelInfo info = parse_model_info(sound());
  CHECK(info.name == "toy");
  CHECK(info.stem_names == std::vector<std::string>{"speech", "music", "noise"});
  CHECK(info.num_bins == 769);
  CHECK(info.num_bands() == 769);
  CHECK(info.lookahead_frames == 2);
  CHECK(info.metadata.at("training_run") == "random weights");
  CHECK(info.metadata.count("producer") == 0);
  CHECK(info.latency_samples(48000.0) == 1536 + 2 * 768);
  CHECK_THROWS_AS(info.latency_samples(7999.0), std::invalid_argument);
  CHECK_THROWS_AS(info.latency_samples(192001.0), std::invalid_argument);
}

TEST_CASE("no entry may be missing or empty") {
  for (const auto& entry : sound()) {
    const std::string& key = entry.first;
    if (key == "producer") continue;
    Metadata metadata = sound();
    metadata.erase(key);
    CAPTURE(key);
    CHECK_THROWS_AS(parse_model_info(metadata), ModelError);
    metadata[key] = "";
    CHECK_THROWS_AS(parse_model_info(metadata), ModelError);
  }
}

TEST_CASE("the ranges of numbers") {
  check_number("num_bins", {"2", "769", "65536"}, {"0", "1", "65537", "769.5"});
  check_number("lookahead_frames", {"0", "623"}, {"624", "1001", "0.5"});
  // These two belong together, so that one alone has few values.
  check_number("win_seconds", {"0.032"}, {"0", "0.0009", "1.1", "0.033"});
  check_number("bin_hz", {"31.25", "31.250001"}, {"0", "0.9", "1001", "31.26"});
  check_number("hop_seconds", {"0.016", "0.008", "0.004", "0.002"},
               {"0", "0.00009", "0.032", "0.6", "0.0165", "0.02"});
}

TEST_CASE("the longest and the shortest window") {
  const auto parse = [](const char* win, const char* bin, const char* hop, const char* lookahead) {
    Metadata metadata = with("win_seconds", win);
    metadata["unbraid.bin_hz"] = bin;
    metadata["unbraid.hop_seconds"] = hop;
    metadata["unbraid.lookahead_frames"] = lookahead;
    return parse_model_info(metadata);
  };
  CHECK_NOTHROW(parse("1", "1", "0.5", "18"));
  CHECK_NOTHROW(parse("0.001", "1000", "0.0005", "1000"));
  CHECK_NOTHROW(parse("1.0", "1.0", "0.0625", "0"));
  // Ten seconds late at most, and no more hops in a window than memory is there for.
  CHECK_THROWS_AS(parse("1", "1", "0.5", "19"), ModelError);
  CHECK_THROWS_AS(parse("1.0", "1.0", "0.0001", "0"), ModelError);
  CHECK_THROWS_AS(parse("0.017", "58.823529411764703", "0.001", "0"), ModelError);
  CHECK_NOTHROW(parse("0.016", "62.5", "0.001", "0"));
  // The FFT knows no factor of 13: such a model would run at no rate at all.
  CHECK_THROWS_AS(parse("0.0325", "30.76923076923077", "0.0025", "0"), ModelError);
}

TEST_CASE("only what this version knows") {
  for (const char* key : {"schema_version", "window", "mask"}) {
    CHECK_FALSE(accepts(key, "2"));
    CHECK_FALSE(accepts(key, "complex"));
  }
}

TEST_CASE("names of stems") {
  CHECK(accepts("stems", "a,b"));
  CHECK(accepts("stems", "_,-,0"));
  const std::string longest(32, 'x');
  CHECK(accepts("stems", "a," + longest));
  CHECK_FALSE(accepts("stems", "a,x" + longest));
  for (const char* names :
       {"speech", "speech,", ",speech", "a,,b", "a,b,a", ",", ",,", "a, b", "a,B", "a,..", "a,/b",
        "a,b\\c", "a,\x1b", "a,\xc3\xbc", "a,b\n", "a,b=c", "a,\xff"}) {
    CAPTURE(names);
    CHECK_FALSE(accepts("stems", names));
  }
}

TEST_CASE("a model has 2 to 32 stems") {
  std::string names = "s0";
  for (int i = 1; i < 32; ++i) names += ",s" + std::to_string(i);
  CHECK(accepts("stems", names));
  CHECK_FALSE(accepts("stems", names + ",s32"));
}

TEST_CASE("what is said is text") {
  CHECK(accepts("license", "\xc3\xa9\x1b\n"));
  for (const char* bytes : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) {
    CAPTURE(bytes);
    CHECK_FALSE(accepts("license", bytes));
  }
}

TEST_CASE("edges of bands ascend from 0 to below num_bins") {
  Metadata metadata = with("band_edges", "0,1,5,768");
  const ModelInfo info = parse_model_info(metadata);
  CHECK(info.num_bands() == 4);
  CHECK(info.band_edges == std::vector<int>{0, 1, 5, 768, 769});
  CHECK(accepts("band_edges", "0"));
  for (const char* edges : {"", "1,2", "0,0", "0,5,5", "0,5,4", "0,769", "0,1000000", "-1,2",
                            "0,1,", ",0,1", "0;1", "0,x", "0,1.5", "0,99999999999999999999"}) {
    CAPTURE(edges);
    CHECK_FALSE(accepts("band_edges", edges));
  }
}

TEST_CASE("the middle is heard, or the middle and the side") {
  const ModelInfo usual = parse_model_info(sound());
  CHECK(usual.channels == std::vector<std::string>{"mid"});
  CHECK(usual.num_planes() == 1);
  CHECK(usual.power_shape(5) == std::vector<std::int64_t>{1, 5, 769});
  CHECK(usual.masks_shape(5) == std::vector<std::int64_t>{1, 5, 3, 769});
  CHECK(parse_model_info(with("channels", "mid")).channels == usual.channels);

  const ModelInfo both = parse_model_info(with("channels", "mid,side"));
  CHECK(both.channels == std::vector<std::string>{"mid", "side"});
  CHECK(both.num_planes() == 2);
  CHECK(both.power_shape(5) == std::vector<std::int64_t>{1, 5, 2, 769});
  CHECK(both.masks_shape(5) == std::vector<std::int64_t>{1, 5, 2, 3, 769});
  CHECK(both.power_size() == 2 * 769);
  CHECK(both.masks_size() == 2 * 3 * 769);
  for (const char* channels :
       {"", "side", "side,mid", "mid,side,", "mid, side", "mid,mid", "MID"}) {
    CAPTURE(channels);
    CHECK_FALSE(accepts("channels", channels));
  }
}
