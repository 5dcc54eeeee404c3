#pragma once

#include <utility>

// Several floats at once, in the extensions of GCC and Clang, on any processor. Other compilers
// get one at a time.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define UNBRAID_HAS_LANES 1
#endif
#endif

// Processors differ in how many lanes they have, so that what is worth it is compiled for each
// kind, and chosen where it runs. Functions that are to become part of such a function must be
// inlined there, and hand lanes over by reference: as values they would depend on the kind.
#if defined(UNBRAID_HAS_LANES)
#define UNBRAID_INLINE [[gnu::always_inline]] inline
#if defined(__x86_64__)
#define UNBRAID_AVX2 [[gnu::target("avx2,fma")]]
#endif
#else
#define UNBRAID_INLINE inline
#endif

namespace unbraid {

template <int Count>
struct LanesOf {
#if defined(UNBRAID_HAS_LANES)
  using Type __attribute__((vector_size(Count * sizeof(float)))) = float;
  // The same anywhere in memory. (Through memcpy GCC 12 goes by way of the stack, in halves.)
  using Unaligned
      __attribute__((vector_size(Count * sizeof(float)), aligned(alignof(float)), may_alias)) =
          float;
#endif
};
template <>
struct LanesOf<1> {
  using Type = float;
  using Unaligned = float;
};
/// `Count` floats with the usual operators.
template <int Count>
using Lanes = typename LanesOf<Count>::Type;

/// What any processor of an architecture that has such instructions has.
#if defined(UNBRAID_HAS_LANES)
constexpr int kUsualLanes = 4;
#else
constexpr int kUsualLanes = 1;
#endif

template <typename V>
constexpr int kLanes = sizeof(V) / sizeof(float);

template <typename V>
UNBRAID_INLINE void load(V& value, const float* from) {
  value = *reinterpret_cast<const typename LanesOf<kLanes<V>>::Unaligned*>(from);
}

template <typename V>
UNBRAID_INLINE void store(float* to, const V& value) {
  *reinterpret_cast<typename LanesOf<kLanes<V>>::Unaligned*>(to) = value;
}

#if defined(UNBRAID_HAS_LANES)

/// 0, 1, 2, ...
template <int Count>
constexpr std::make_integer_sequence<int, Count> kEach{};

/// from[0], from[2], ... and from[1], from[3], ...
template <typename V, int... I>
UNBRAID_INLINE void load_pairs(V& even, V& odd, const float* from,
                               std::integer_sequence<int, I...>) {
  V low, high;
  load(low, from);
  load(high, from + sizeof...(I));
  even = __builtin_shufflevector(low, high, (2 * I)...);
  odd = __builtin_shufflevector(low, high, (2 * I + 1)...);
}

/// The opposite.
template <typename V, int... I>
UNBRAID_INLINE void store_pairs(float* to, const V& even, const V& odd,
                                std::integer_sequence<int, I...>) {
  constexpr int kCount = sizeof...(I);
  const V low = __builtin_shufflevector(even, odd, (I / 2 + I % 2 * kCount)...);
  const V high = __builtin_shufflevector(even, odd, (kCount / 2 + I / 2 + I % 2 * kCount)...);
  store(to, low);
  store(to + kCount, high);
}

template <typename V, int... I>
UNBRAID_INLINE void reverse(V& value, std::integer_sequence<int, I...>) {
  value = __builtin_shufflevector(value, value, (static_cast<int>(sizeof...(I)) - 1 - I)...);
}

/// Columns to rows, of four times four.
UNBRAID_INLINE void transpose(Lanes<4> (&rows)[4]) {
  const Lanes<4> low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
  const Lanes<4> high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  const Lanes<4> low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
  const Lanes<4> high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  rows[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  rows[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

#endif

}  // namespace unbraid
