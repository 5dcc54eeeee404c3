#pragma once

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <type_traits>

// Whether a function of ours can be called as one of theirs: as many arguments, each of the same
// size and kind, and such a result. The types themselves are never the same, only alike.

template <typename Ours, typename Theirs>
constexpr bool alike() {
  if constexpr (std::is_void_v<Ours> || std::is_void_v<Theirs>) {
    return std::is_void_v<Ours> && std::is_void_v<Theirs>;
  } else if constexpr (std::is_reference_v<Ours> || std::is_pointer_v<Ours>) {
    return std::is_reference_v<Theirs> || std::is_pointer_v<Theirs>;
  } else {
    return !std::is_reference_v<Theirs> && !std::is_pointer_v<Theirs> &&
           sizeof(Ours) == sizeof(Theirs) &&
           std::is_floating_point_v<Ours> == std::is_floating_point_v<Theirs> &&
           std::is_signed_v<Ours> == std::is_signed_v<Theirs>;
  }
}

template <typename... T>
struct List {};

template <typename... A, typename... B>
constexpr bool alike_lists(List<A...>, List<B...>) {
  if constexpr (sizeof...(A) == sizeof...(B)) {
    return (alike<A, B>() && ...);
  } else {
    return false;
  }
}

/// A function's result and arguments, with those of a method: `this` is not among them.
template <typename F>
struct Signature;
template <typename R, typename... A>
struct Signature<R (*)(A...)> {
  using Result = R;
  using Arguments = List<A...>;
};
template <typename R, typename C, typename... A>
struct Signature<R (C::*)(A...)> : Signature<R (*)(A...)> {};

template <typename Ours, typename Theirs>
constexpr bool alike_functions() {
  return alike<typename Signature<Ours>::Result, typename Signature<Theirs>::Result>() &&
         alike_lists(typename Signature<Ours>::Arguments(),
                     typename Signature<Theirs>::Arguments());
}

/// The place of a virtual method in its table, as compilers but Microsoft's write it down.
template <typename Method>
std::size_t place_in_table(Method method) {
  std::size_t word;
  std::memcpy(&word, &method, sizeof word);
  return (word & ~std::size_t{1}) / sizeof(void*);
}

inline int failures = 0;
inline void expect(bool passed, const char* what) {
  if (!passed) ++failures;
  if (!passed) std::printf("differs: %s\n", what);
}
