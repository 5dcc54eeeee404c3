#include "unbraid/model/text.h"

#include <doctest/doctest.h>

using namespace unbraid;

#define REPLACED "\xef\xbf\xbd"

TEST_CASE("text that shows stays as it is") {
  for (const char* text : {"", "plain", "na\xc3\xafve", "\xe2\x82\xac", "\xf0\x9f\x8e\xb5"}) {
    CHECK(is_utf8(text));
    CHECK(printable(text) == text);
  }
}

TEST_CASE("what controls a terminal, hides or turns text is replaced") {
  for (const char* text : {"\x1b", "\x07", "\n", "\r", "\x7f", "\xc2\x9b", "\xe2\x80\xae",
                           "\xe2\x80\x8b", "\xef\xbb\xbf", "\xf3\xa0\x81\x81"}) {
    CHECK(is_utf8(text));
    CHECK(printable(text) == REPLACED);
  }
  CHECK(printable("a\x1b[31mb") == "a" REPLACED "[31mb");
  CHECK(printable(std::string_view("a\0b", 3)) == "a" REPLACED "b");
}

TEST_CASE("what is no UTF-8 is replaced byte by byte") {
  CHECK(printable("\xff\xfe") == REPLACED REPLACED);
  CHECK(printable("a\xc3") == "a" REPLACED);          // cut short
  CHECK(printable("\xc3(") == REPLACED "(");          // goes on with something else
  CHECK(printable("\xc0\xaf") == REPLACED REPLACED);  // longer than it needs to be
  CHECK(printable("\xed\xa0\x80").size() == 9);       // half a pair
  CHECK(printable("\xf4\x90\x80\x80").size() == 12);  // beyond the last character
  for (const char* text :
       {"\xff", "a\xc3", "\xc3(", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"})
    CHECK_FALSE(is_utf8(text));
}

TEST_CASE("long text is cut between its characters") {
  CHECK(printable("abcdef", 3) == "abc...");
  CHECK(printable("abc", 3) == "abc");
  CHECK(printable("a\xe2\x82\xac", 3) == "a...");
}
