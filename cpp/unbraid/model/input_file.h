#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>

namespace unbraid {

/// A file to read from. Not a stream of the standard library: the plug-ins carry theirs with them,
/// and streams with their locales would make up half of it.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path)
#ifdef _WIN32
      : file_(_wfopen(path.c_str(), L"rb")){}
#else
      : file_(std::fopen(path.c_str(), "rb")) {
  }
#endif

        explicit operator bool() const {
    return file_ != nullptr;
  }
  /// The next byte; negative at the end.
  int get() { return std::getc(file_.get()); }
  /// How many bytes came, `count` unless the file ends before.
  std::size_t read(char* bytes, std::size_t count) {
    return std::fread(bytes, 1, count, file_.get());
  }
  void skip(std::uint64_t count) {
#ifdef _WIN32
    _fseeki64(file_.get(), static_cast<std::int64_t>(count), SEEK_CUR);
#else
    std::fseek(file_.get(), static_cast<long>(count), SEEK_CUR);
#endif
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace unbraid
