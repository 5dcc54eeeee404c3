#pragma once

/// What the tests know of ONNX Runtime's runs, by way of ort_shim.cpp.
namespace run_hook {

/// The session that ran last: right after a model was loaded it is that model's, as loading one
/// ends with a trial.
const void* last_session();

/// While one of these lives, that session's runs fail.
class Failing {
 public:
  explicit Failing(const void* session);
  ~Failing();
  Failing(const Failing&) = delete;
};

}  // namespace run_hook

/// How many blocks as large as a LoadedModel have been allocated and not freed.
int loaded_models_alive();
