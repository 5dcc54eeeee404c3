#pragma once

#include <pybind11/numpy.h>

#include <string>
#include <vector>

// The checks of what Python hands over.
namespace unbraid {

using FloatArray = pybind11::array_t<float>;

inline std::string shape_text(const pybind11::array& array) {
  return pybind11::str(pybind11::tuple(array.attr("shape"))).cast<std::string>();
}

/// A float32 array of that many dimensions whose last one is contiguous, or an error that says
/// what was wanted and what came. Rows may lie apart: audio[:, start:stop] needs no copy, but what
/// is not aligned does.
inline FloatArray check_array(const pybind11::object& given, const char* name,
                              pybind11::ssize_t ndim, const char* shape) {
  const std::string wanted =
      std::string(name) + " must be a float32 numpy array of shape " + shape + ", got ";
  if (!pybind11::isinstance<pybind11::array>(given)) {
    throw pybind11::type_error(
        wanted + pybind11::str(pybind11::type::of(given).attr("__name__")).cast<std::string>());
  }
  const auto array = pybind11::reinterpret_borrow<pybind11::array>(given);
  if (!pybind11::isinstance<FloatArray>(array)) {
    throw pybind11::type_error(wanted + pybind11::str(array.dtype()).cast<std::string>());
  }
  if (array.ndim() != ndim) throw pybind11::value_error(wanted + "shape " + shape_text(array));
  const pybind11::ssize_t last = ndim - 1;
  const bool contiguous = array.shape(last) < 2 || array.strides(last) == sizeof(float);
  if (!contiguous) {
    throw pybind11::value_error(
        std::string(name) + " must be contiguous along its last axis; see numpy.ascontiguousarray");
  }
  // As out of a file's header or a structure: nobody who has such an array knows.
  if (!array.attr("flags").attr("aligned").cast<bool>()) return array.attr("copy")();
  return pybind11::reinterpret_borrow<FloatArray>(array);
}

inline void check_extent(const pybind11::array& array, const char* name, pybind11::ssize_t axis,
                         pybind11::ssize_t wanted, const char* what) {
  if (array.shape(axis) == wanted) return;
  throw pybind11::value_error(std::string(name) + " must have " + std::to_string(wanted) + " " +
                              what + ", got shape " + shape_text(array));
}

/// Where the rows of an array begin; its samples lie side by side, its rows need not.
inline std::vector<const float*> rows_of(const FloatArray& audio) {
  const auto* first = reinterpret_cast<const char*>(audio.data());
  std::vector<const float*> rows(audio.shape(0));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows[row] = reinterpret_cast<const float*>(first + row * audio.strides(0));
  }
  return rows;
}

}  // namespace unbraid
