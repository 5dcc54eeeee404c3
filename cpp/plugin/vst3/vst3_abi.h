#pragma once

#include <cstdint>
#include <cstring>

/// As much of the VST3 binary interface as this plug-in uses. VST3 objects are tables of functions
/// in a fixed order, which abstract classes without a destructor give on every compiler that VST3
/// knows. Only orders, numbers and layouts matter to a host; the names are ours where they can be.
namespace unbraid::plugin::vst3 {

#ifdef _WIN32
#error "On Windows interface ids have another byte order and calls another convention."
#endif

using Result = std::int32_t;
constexpr Result kNoInterface = -1, kOk = 0, kFalse = 1, kInvalidArgument = 2, kNotImplemented = 3,
                 kInternalError = 4;

using Bool = std::uint8_t;
using Char16 = char16_t;
using Text = Char16[128];

struct Id {
  std::uint8_t bytes[16];
  constexpr Id(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) : bytes{} {
    const std::uint32_t words[4] = {a, b, c, d};
    for (int i = 0; i < 16; ++i) {
      bytes[i] = static_cast<std::uint8_t>(words[i / 4] >> (24 - 8 * (i % 4)));
    }
  }
  bool matches(const void* other) const { return std::memcmp(bytes, other, sizeof bytes) == 0; }
};

struct Unknown {
  static constexpr Id id{0x00000000, 0x00000000, 0xC0000000, 0x00000046};
  virtual Result queryInterface(const void* id, void** object) = 0;
  virtual std::uint32_t addRef() = 0;
  virtual std::uint32_t release() = 0;
};

struct Stream : Unknown {
  virtual Result read(void* bytes, std::int32_t size, std::int32_t* done) = 0;
  virtual Result write(void* bytes, std::int32_t size, std::int32_t* done) = 0;
  virtual Result seek(std::int64_t position, std::int32_t mode, std::int64_t* result) = 0;
  virtual Result tell(std::int64_t* position) = 0;
};

// The factory.

struct FactoryInfo {
  char vendor[64];
  char url[256];
  char email[128];
  std::int32_t flags;
};
constexpr std::int32_t kUnicodeTexts = 1 << 4;

struct ClassInfo {
  std::uint8_t cid[16];
  std::int32_t cardinality;
  char category[32];
  char name[64];
};
struct ClassInfo2 : ClassInfo {
  std::uint32_t flags;
  char sub_categories[128];
  char vendor[64];
  char version[64];
  char sdk_version[64];
};
constexpr std::int32_t kManyInstances = 0x7fffffff;

struct Factory : Unknown {
  static constexpr Id id{0x7A4D811C, 0x52114A1F, 0xAED9D2EE, 0x0B43BF9F};
  virtual Result getFactoryInfo(FactoryInfo* info) = 0;
  virtual std::int32_t countClasses() = 0;
  virtual Result getClassInfo(std::int32_t index, ClassInfo* info) = 0;
  virtual Result createInstance(const void* cid, const void* id, void** object) = 0;
};
struct Factory2 : Factory {
  static constexpr Id id{0x0007B650, 0xF24B4C0B, 0xA464EDB9, 0xF00B2ABB};
  virtual Result getClassInfo2(std::int32_t index, ClassInfo2* info) = 0;
};

// The component.

constexpr std::int32_t kAudio = 0, kInput = 0, kOutput = 1, kMain = 0, kAux = 1;
constexpr std::uint32_t kDefaultActive = 1;

struct BusInfo {
  std::int32_t media_type;
  std::int32_t direction;
  std::int32_t channel_count;
  Text name;
  std::int32_t bus_type;
  std::uint32_t flags;
};
struct RoutingInfo;

struct PluginBase : Unknown {
  static constexpr Id id{0x22888DDB, 0x156E45AE, 0x8358B348, 0x08190625};
  virtual Result initialize(Unknown* context) = 0;
  virtual Result terminate() = 0;
};

struct Component : PluginBase {
  static constexpr Id id{0xE831FF31, 0xF2D54301, 0x928EBBEE, 0x25697802};
  virtual Result getControllerClassId(void* cid) = 0;
  virtual Result setIoMode(std::int32_t mode) = 0;
  virtual std::int32_t getBusCount(std::int32_t type, std::int32_t direction) = 0;
  virtual Result getBusInfo(std::int32_t type, std::int32_t direction, std::int32_t index,
                            BusInfo& info) = 0;
  virtual Result getRoutingInfo(RoutingInfo& in, RoutingInfo& out) = 0;
  virtual Result activateBus(std::int32_t type, std::int32_t direction, std::int32_t index,
                             Bool state) = 0;
  virtual Result setActive(Bool state) = 0;
  virtual Result setState(Stream* state) = 0;
  virtual Result getState(Stream* state) = 0;
};

// The processor.

using Arrangement = std::uint64_t;  // a bit per loudspeaker
constexpr Arrangement kEmpty = 0, kMono = 1 << 19, kStereo = 3;

struct ProcessSetup {
  std::int32_t mode;
  std::int32_t sample_size;
  std::int32_t max_block;
  double sample_rate;
};
constexpr std::int32_t kSample32 = 0, kOffline = 2;

struct BusBuffers {
  std::int32_t num_channels;
  std::uint64_t silence_flags;
  float** channels;
};

struct ParameterQueue : Unknown {
  virtual std::uint32_t getParameterId() = 0;
  virtual std::int32_t getPointCount() = 0;
  virtual Result getPoint(std::int32_t index, std::int32_t& offset, double& value) = 0;
  virtual Result addPoint(std::int32_t offset, double value, std::int32_t& index) = 0;
};
struct ParameterChanges : Unknown {
  virtual std::int32_t getParameterCount() = 0;
  virtual ParameterQueue* getParameterData(std::int32_t index) = 0;
  virtual ParameterQueue* addParameterData(const std::uint32_t& id, std::int32_t& index) = 0;
};

struct ProcessData {
  std::int32_t mode;
  std::int32_t sample_size;
  std::int32_t num_samples;
  std::int32_t num_inputs;
  std::int32_t num_outputs;
  BusBuffers* inputs;
  BusBuffers* outputs;
  ParameterChanges* parameter_changes;
  ParameterChanges* output_parameter_changes;
  void* events;
  void* output_events;
  void* context;
};

struct AudioProcessor : Unknown {
  static constexpr Id id{0x42043F99, 0xB7DA453C, 0xA569E79D, 0x9AAEC33D};
  virtual Result setBusArrangements(Arrangement* inputs, std::int32_t num_inputs,
                                    Arrangement* outputs, std::int32_t num_outputs) = 0;
  virtual Result getBusArrangement(std::int32_t direction, std::int32_t index,
                                   Arrangement& arrangement) = 0;
  virtual Result canProcessSampleSize(std::int32_t sample_size) = 0;
  virtual std::uint32_t getLatencySamples() = 0;
  virtual Result setupProcessing(ProcessSetup& setup) = 0;
  virtual Result setProcessing(Bool state) = 0;
  virtual Result process(ProcessData& data) = 0;
  virtual std::uint32_t getTailSamples() = 0;
};

struct ProcessContextRequirements : Unknown {
  static constexpr Id id{0x2A654303, 0xEF764E3D, 0x95B5FE83, 0x730EF6D0};
  virtual std::uint32_t getProcessContextRequirements() = 0;
};

// The controller.

struct ParameterInfo {
  std::uint32_t id;
  Text title;
  Text short_title;
  Text units;
  std::int32_t step_count;
  double default_value;
  std::int32_t unit_id;
  std::int32_t flags;
};
constexpr std::int32_t kCanAutomate = 1, kIsReadOnly = 1 << 1, kIsList = 1 << 3,
                       kIsBypass = 1 << 16;

struct ComponentHandler : Unknown {
  virtual Result beginEdit(std::uint32_t id) = 0;
  virtual Result performEdit(std::uint32_t id, double value) = 0;
  virtual Result endEdit(std::uint32_t id) = 0;
  virtual Result restartComponent(std::int32_t flags) = 0;
};
constexpr std::int32_t kParameterValuesChanged = 1 << 2;

struct EditController : PluginBase {
  static constexpr Id id{0xDCD7BBE3, 0x7742448D, 0xA874AACC, 0x979C759E};
  virtual Result setComponentState(Stream* state) = 0;
  virtual Result setState(Stream* state) = 0;
  virtual Result getState(Stream* state) = 0;
  virtual std::int32_t getParameterCount() = 0;
  virtual Result getParameterInfo(std::int32_t index, ParameterInfo& info) = 0;
  virtual Result getParamStringByValue(std::uint32_t id, double value, Char16* text) = 0;
  virtual Result getParamValueByString(std::uint32_t id, Char16* text, double& value) = 0;
  virtual double normalizedParamToPlain(std::uint32_t id, double value) = 0;
  virtual double plainParamToNormalized(std::uint32_t id, double plain) = 0;
  virtual double getParamNormalized(std::uint32_t id) = 0;
  virtual Result setParamNormalized(std::uint32_t id, double value) = 0;
  virtual Result setComponentHandler(ComponentHandler* handler) = 0;
  virtual void* createView(const char* name) = 0;
};

}  // namespace unbraid::plugin::vst3
