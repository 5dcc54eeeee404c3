#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

/// All that Unbraid asks of ONNX Runtime; no other file pair knows it.
namespace unbraid::ort {

/// Opaque objects of the library.
struct SessionHandle;
struct ValueHandle;

/// The library cannot be found or used, or it refused a call.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The bytes given are no graph that the library can run.
class GraphError : public Error {
  using Error::Error;
};

/// A named input or output of a graph; -1 in the shape stands for any size.
struct TensorInfo {
  std::string name;
  int element;  // its type by ONNX's number; 0 of what is no tensor
  std::vector<std::int64_t> shape;

  bool is_float32() const { return element == 1; }
};

/// A float32 tensor over memory of its own, zero at first.
class Tensor {
 public:
  explicit Tensor(const std::vector<std::int64_t>& shape);
  ~Tensor();
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor&&) = delete;

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::size_t size() const { return size_; }
  void clear();

 private:
  friend class Bindings;
  std::size_t size_ = 1;
  float* data_ = nullptr;
  ValueHandle* value_ = nullptr;
};

/// A tensor of any type over memory of the library: what one run made for another.
class Value {
 public:
  explicit Value(ValueHandle* value) : value_(value) {}
  ~Value();
  Value(Value&& other) noexcept;
  Value& operator=(Value&&) = delete;

 private:
  friend class Bindings;
  ValueHandle* value_;
};

/// Which tensors a run reads and writes. Names and tensors must outlive it.
class Bindings {
 public:
  void input(const char* name, Tensor& tensor);
  void output(const char* name, Tensor& tensor);

  /// An output that the library makes room for in each run; then take() has all of these, in the
  /// order in which they were named.
  void made_output(const char* name);
  std::vector<Value> take();
  /// An input that is another before each run: all of these, in the order in which they were named.
  void given_input(const char* name);
  void give(const std::vector<Value>& values);

 private:
  friend class Session;
  std::vector<std::size_t> given_, made_;  // where among the others
  std::vector<const char*> input_names_, output_names_;
  std::vector<ValueHandle*> inputs_, outputs_;
};

/// Stops runs that do not end by themselves. Allocates when it is made, never after.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;

  /// By any thread: the run under way fails at the end of the node that it is at, and so do later
  /// ones until clear().
  void set();
  void clear();

 private:
  friend class Session;
  void* options_ = nullptr;
};

/// A loaded graph. Any number of threads may run it at once, each with its own bindings.
class Session {
 public:
  /// Opens the bytes of an .onnx file; the library itself is loaded at the first call.
  Session(const void* bytes, std::size_t size);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::vector<TensorInfo> inputs() const;
  std::vector<TensorInfo> outputs() const;

  /// The one call of the audio path that allocates: the library does so in every run.
  void run(Bindings& bindings, const Interrupt& interrupt) const;

 private:
  SessionHandle* session_ = nullptr;
};

}  // namespace unbraid::ort
