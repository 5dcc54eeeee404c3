#include "unbraid/model/ort.h"

#include <algorithm>
#include <new>
#include <utility>

#include "unbraid/model/ort_library.h"
#include "unbraid/model/text.h"

namespace unbraid::ort {
namespace {

// ONNX Runtime's C API is a table of functions that only ever grows at its end, so that positions
// are as good as names: this view needs no header and works with every release. The one asked for
// is the oldest that is tested, pyproject.toml's. The opaque types are void here; the argument
// lists are those of onnxruntime_c_api.h.
constexpr std::uint32_t kApiVersion = 23;
using Status = void;

template <int Position, typename... Arguments>
struct Function {
  static constexpr int kPosition = Position;
  using Type = Status* (*)(Arguments...);
};
template <int Position>
struct Release {
  static constexpr int kPosition = Position;
  using Type = void (*)(void*);
};

struct CreateStatus : Function<0, int, const char*> {};
struct GetErrorCode {
  static constexpr int kPosition = 1;
  using Type = int (*)(const Status*);
};
struct GetErrorMessage {
  static constexpr int kPosition = 2;
  using Type = const char* (*)(const Status*);
};
struct CreateEnv : Function<3, int, const char*, void**> {};
struct CreateSessionFromArray
    : Function<8, void*, const void*, std::size_t, const void*, SessionHandle**> {};
struct Run : Function<9, SessionHandle*, const void*, const char* const*, const ValueHandle* const*,
                      std::size_t, const char* const*, std::size_t, ValueHandle**> {};
struct CreateSessionOptions : Function<10, void**> {};
struct SetIntraOpNumThreads : Function<24, void*, int> {};
struct SetInterOpNumThreads : Function<25, void*, int> {};
struct SessionGetInputCount : Function<30, const SessionHandle*, std::size_t*> {};
struct SessionGetOutputCount : Function<31, const SessionHandle*, std::size_t*> {};
struct SessionGetInputTypeInfo : Function<33, const SessionHandle*, std::size_t, void**> {};
struct SessionGetOutputTypeInfo : Function<34, const SessionHandle*, std::size_t, void**> {};
struct SessionGetInputName : Function<36, const SessionHandle*, std::size_t, void*, char**> {};
struct SessionGetOutputName : Function<37, const SessionHandle*, std::size_t, void*, char**> {};
struct CreateRunOptions : Function<39, void**> {};
struct RunOptionsSetTerminate : Function<46, void*> {};
struct RunOptionsUnsetTerminate : Function<47, void*> {};
struct CreateTensorWithData : Function<49, const void*, void*, std::size_t, const std::int64_t*,
                                       std::size_t, int, ValueHandle**> {};
struct CastTypeInfoToTensorInfo : Function<55, const void*, const void**> {};
struct GetTensorElementType : Function<60, const void*, int*> {};
struct GetDimensionsCount : Function<61, const void*, std::size_t*> {};
struct GetDimensions : Function<62, const void*, std::int64_t*, std::size_t> {};
struct CreateCpuMemoryInfo : Function<69, int, int, void**> {};
struct AllocatorFree : Function<76, void*, void*> {};
struct GetAllocatorWithDefaultOptions : Function<78, void**> {};
struct ReleaseStatus : Release<93> {};
struct ReleaseSession : Release<95> {};
struct ReleaseValue : Release<96> {};
struct ReleaseRunOptions : Release<97> {};
struct ReleaseTypeInfo : Release<98> {};
struct ReleaseSessionOptions : Release<100> {};
struct AddSessionConfigEntry : Function<130, void*, const char*, const char*> {};

constexpr int kFail = 1;
constexpr int kFloat32 = 1;
constexpr int kLogFatal = 4;  // errors come back as exceptions; the audio path must not print

struct ApiBase {
  void* const* (*get_api)(std::uint32_t version);
  const char* (*get_version)();
};

/// The loaded library, its environment and its allocator: one for the whole process, kept to its
/// end, because a session may outlive any moment at which they could be released safely.
class Library {
 public:
  static const Library& get() {
    static const Library* library = new Library;  // a throw leaves it to be tried again
    return *library;
  }

  template <typename F>
  typename F::Type function() const {
    return reinterpret_cast<typename F::Type>(table_[F::kPosition]);
  }

  /// Calls a function that returns a status, and throws what the status says.
  template <typename F, typename... Arguments>
  void call(Arguments... arguments) const {
    Status* status = function<F>()(arguments...);
    if (!status) return;
    const std::string message = printable(function<GetErrorMessage>()(status));  // names of nodes
    function<ReleaseStatus>()(status);
    throw Error(message);
  }

  std::string take_string(char* text) const {
    const std::string copy = text;
    call<AllocatorFree>(allocator_, static_cast<void*>(text));
    return copy;
  }

  void* environment() const { return environment_; }
  void* memory_info() const { return memory_info_; }
  void* allocator() const { return allocator_; }

 private:
  Library() {
    const auto* base = reinterpret_cast<const ApiBase* (*)()>(load_entry_point())();
    table_ = base->get_api(kApiVersion);
    if (!table_) {
      throw Error(std::string("ONNX Runtime ") + base->get_version() + " is too old: 1." +
                  std::to_string(kApiVersion) + " needed");
    }
    check_table(base->get_version());
    call<CreateEnv>(kLogFatal, "unbraid", &environment_);
    call<CreateCpuMemoryInfo>(/*OrtDeviceAllocator*/ 0, /*OrtMemTypeDefault*/ 0, &memory_info_);
    call<GetAllocatorWithDefaultOptions>(&allocator_);
  }

  // A canary: if the positions did not hold, this would show it before anything is built on them.
  void check_table(const std::string& version) const {
    const std::string sent = "unbraid canary";
    Status* status = function<CreateStatus>()(kFail, sent.c_str());
    const bool sound = status && function<GetErrorCode>()(status) == kFail &&
                       function<GetErrorMessage>()(status) == sent;
    function<ReleaseStatus>()(status);
    if (!sound) throw Error("ONNX Runtime " + version + " has an unknown function table");
  }

  void* const* table_ = nullptr;
  void* environment_ = nullptr;
  void* memory_info_ = nullptr;
  void* allocator_ = nullptr;
};

/// Releases one of the library's objects at the end of a scope.
template <typename F>
using Owned = std::unique_ptr<void, void (*)(void*)>;

template <typename F>
Owned<F> own(void* object) {
  return Owned<F>(object, Library::get().function<F>());
}

template <typename Count, typename Name, typename TypeInfo>
std::vector<TensorInfo> describe(const SessionHandle* session) {
  const Library& library = Library::get();
  std::size_t count = 0;
  library.call<Count>(session, &count);
  std::vector<TensorInfo> tensors;
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    library.call<Name>(session, i, library.allocator(), &name);
    TensorInfo tensor{library.take_string(name), 0, {}};
    void* raw = nullptr;
    library.call<TypeInfo>(session, i, &raw);
    const auto type = own<ReleaseTypeInfo>(raw);
    const void* info = nullptr;  // stays null for what is no tensor
    library.call<CastTypeInfoToTensorInfo>(static_cast<const void*>(raw), &info);
    if (info) {
      std::size_t rank = 0;
      library.call<GetTensorElementType>(info, &tensor.element);
      library.call<GetDimensionsCount>(info, &rank);
      tensor.shape.resize(rank);
      library.call<GetDimensions>(info, tensor.shape.data(), rank);
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// Kernels may round differently at another alignment: a fixed one keeps streams bit-identical.
constexpr std::align_val_t kAlignment{64};

}  // namespace

Tensor::Tensor(const std::vector<std::int64_t>& shape) {
  const Library& library = Library::get();
  for (const std::int64_t extent : shape) size_ *= static_cast<std::size_t>(extent);
  data_ = static_cast<float*>(::operator new(size_ * sizeof(float), kAlignment));
  clear();
  try {
    library.call<CreateTensorWithData>(static_cast<const void*>(library.memory_info()),
                                       static_cast<void*>(data_), size_ * sizeof(float),
                                       shape.data(), shape.size(), kFloat32, &value_);
  } catch (...) {
    ::operator delete(data_, kAlignment);
    throw;
  }
}

// NOLINTNEXTLINE(bugprone-exception-escape): the library is loaded, or there would be no tensor.
Tensor::~Tensor() {
  if (value_) Library::get().function<ReleaseValue>()(value_);
  ::operator delete(data_, kAlignment);
}

Tensor::Tensor(Tensor&& other) noexcept
    : size_(other.size_), data_(other.data_), value_(other.value_) {
  other.data_ = nullptr;
  other.value_ = nullptr;
}

void Tensor::clear() { std::fill(data_, data_ + size_, 0.0f); }

// NOLINTNEXTLINE(bugprone-exception-escape): as with the tensors.
Value::~Value() {
  if (value_) Library::get().function<ReleaseValue>()(value_);
}

Value::Value(Value&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}

void Bindings::input(const char* name, Tensor& tensor) {
  input_names_.push_back(name);
  inputs_.push_back(tensor.value_);
}

void Bindings::output(const char* name, Tensor& tensor) {
  output_names_.push_back(name);
  outputs_.push_back(tensor.value_);
}

void Bindings::made_output(const char* name) {
  made_.push_back(outputs_.size());
  output_names_.push_back(name);
  outputs_.push_back(nullptr);
}

std::vector<Value> Bindings::take() {
  std::vector<Value> values;
  values.reserve(made_.size());
  for (const std::size_t i : made_) values.emplace_back(std::exchange(outputs_[i], nullptr));
  return values;
}

void Bindings::given_input(const char* name) {
  given_.push_back(inputs_.size());
  input_names_.push_back(name);
  inputs_.push_back(nullptr);
}

void Bindings::give(const std::vector<Value>& values) {
  for (std::size_t i = 0; i < given_.size(); ++i) inputs_[given_[i]] = values[i].value_;
}

Interrupt::Interrupt() { Library::get().call<CreateRunOptions>(&options_); }

// NOLINTNEXTLINE(bugprone-exception-escape): as with the tensors.
Interrupt::~Interrupt() { Library::get().function<ReleaseRunOptions>()(options_); }

void Interrupt::set() { Library::get().call<RunOptionsSetTerminate>(options_); }

void Interrupt::clear() { Library::get().call<RunOptionsUnsetTerminate>(options_); }

Session::Session(const void* bytes, std::size_t size) {
  const Library& library = Library::get();
  void* raw = nullptr;
  library.call<CreateSessionOptions>(&raw);
  const auto options = own<ReleaseSessionOptions>(raw);
  // One thread and no spinning: at one hop per run, handing work over costs more than the work.
  library.call<SetIntraOpNumThreads>(raw, 1);
  library.call<SetInterOpNumThreads>(raw, 1);
  library.call<AddSessionConfigEntry>(raw, "session.intra_op.allow_spinning", "0");
  // Or else the bytes may pose as the library's own format, which nobody has looked into.
  library.call<AddSessionConfigEntry>(raw, "session.load_model_format", "ONNX");
  try {
    library.call<CreateSessionFromArray>(library.environment(), bytes, size,
                                         static_cast<const void*>(raw), &session_);
  } catch (const Error& error) {
    throw GraphError(error.what());
  }
}

// NOLINTNEXTLINE(bugprone-exception-escape): as with the tensors.
Session::~Session() { Library::get().function<ReleaseSession>()(session_); }

std::vector<TensorInfo> Session::inputs() const {
  return describe<SessionGetInputCount, SessionGetInputName, SessionGetInputTypeInfo>(session_);
}

std::vector<TensorInfo> Session::outputs() const {
  return describe<SessionGetOutputCount, SessionGetOutputName, SessionGetOutputTypeInfo>(session_);
}

void Session::run(Bindings& bindings, const Interrupt& interrupt) const {
  Library::get().call<Run>(session_, static_cast<const void*>(interrupt.options_),
                           bindings.input_names_.data(), bindings.inputs_.data(),
                           bindings.inputs_.size(), bindings.output_names_.data(),
                           bindings.output_names_.size(), bindings.outputs_.data());
}

}  // namespace unbraid::ort
