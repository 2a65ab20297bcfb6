// Output files appear whole or not at all: everything is written beside its final name and renamed
// when it is complete, so that an interrupted run leaves nothing that looks like a result.
#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace imroute {

// The environment refused something (exit code 3): a directory not writable, a disk full.
class EnvironmentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// What the user asked for makes no sense (exit code 2): a bad file, name or value.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Creates the directory when missing and checks that files can be made there. Throws
// EnvironmentError.
void prepare_directory(const std::filesystem::path& directory);

// Throws EnvironmentError.
void write_file(const std::filesystem::path& path, std::string_view content);

// Throws UsageError when it cannot be read.
std::string read_file(const std::filesystem::path& path);

// A long file, written line by line. Not committed: removed again.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  void line(std::string_view text);
  void append(std::string_view text);
  // Everything is on the disk, still beside its final name: of several files that belong together,
  // all are closed before the first is committed. Throws EnvironmentError.
  void close();
  void commit();  // closes, and gives the file its name; throws EnvironmentError

 private:
  void remember_failure();

  std::filesystem::path path_, temporary_;
  std::ofstream stream_;
  std::string failure_;  // why the first write failed that did
  bool committed_ = false;
};

}  // namespace imroute
