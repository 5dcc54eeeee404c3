#pragma once

#include <pybind11/numpy.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "python/docstrings.h"
#include "unbraid/model/model.h"

// What the parts of the module share, and what each of them adds to it.
namespace unbraid {

using Shape = std::vector<pybind11::ssize_t>;
using SharedModel = std::shared_ptr<Model>;

/// Gives a class methods and properties that carry the stub's docstrings.
template <typename Type>
class Binder {
 public:
  Binder(Type& type, std::string name) : type_(type), name_(std::move(name)) {}

  template <typename Function, typename... Extra>
  Binder& def(const char* name, Function&& function, const Extra&... extra) {
    type_.def(name, std::forward<Function>(function), extra..., doc(name));
    return *this;
  }

  template <typename Getter>
  Binder& property(const char* name, Getter&& getter) {
    type_.def_property_readonly(name, std::forward<Getter>(getter), doc(name));
    return *this;
  }

 private:
  const char* doc(const char* member) const { return docstring(name_ + "." + member); }

  Type& type_;
  std::string name_;
};

void bind_model(pybind11::module_& module);
void bind_streams(pybind11::module_& module);
void bind_clustering(pybind11::module_& module);

}  // namespace unbraid
