// VST3's ids are compared byte by byte: on Windows they lie in memory as COM's do.
#include <doctest/doctest.h>

#include <cstring>

#include "plugin/vst3/vst3_abi.h"
#include "unbraid/model/system_headers.h"

using namespace unbraid::plugin::vst3;

TEST_CASE("an id has the bytes that hosts of this system look for") {
  const FUID id(0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E0F10);
#ifdef _WIN32
  const GUID expected{0x01020304, 0x0506, 0x0708, {9, 10, 11, 12, 13, 14, 15, 16}};
#else
  const unsigned char expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
#endif
  static_assert(sizeof expected == sizeof id.data);
  CHECK(std::memcmp(id.data, &expected, sizeof id.data) == 0);
}

#ifdef _WIN32
TEST_CASE("results are COM's") {
  CHECK(kNoInterface == E_NOINTERFACE);
  CHECK(kInvalidArgument == E_INVALIDARG);
  CHECK(kNotImplemented == E_NOTIMPL);
  CHECK(kInternalError == E_FAIL);
}
#endif
