#include "cli/files.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <system_error>

namespace imroute {
namespace {

std::string reason_of(const std::error_code& error) { return error.message(); }
std::string last_reason() { return std::strerror(errno); }

}  // namespace

void prepare_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    throw EnvironmentError("cannot create the directory " + directory.string() + ": " +
                           reason_of(error));
  }
  if (!std::filesystem::is_directory(directory, error)) {
    throw EnvironmentError(directory.string() + " is not a directory");
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    throw EnvironmentError("cannot write into " + directory.string() + ": " + last_reason());
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw UsageError(path.string() + " is a directory, a file is needed");
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw UsageError("cannot read " + path.string() + ": " + last_reason());
  std::ostringstream content;
  content << stream.rdbuf();
  return content.str();
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  FileWriter writer(path);
  writer.append(content);
  writer.commit();
}

FileWriter::FileWriter(std::filesystem::path path) : path_(std::move(path)), temporary_(path_) {
  temporary_ += ".partial-" + std::to_string(::getpid());
  stream_.open(temporary_, std::ios::binary | std::ios::trunc);
  if (!stream_) throw EnvironmentError("cannot write " + path_.string() + ": " + last_reason());
}

FileWriter::~FileWriter() {
  if (committed_) return;
  stream_.close();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void FileWriter::line(std::string_view text) {
  stream_ << text << '\n';
  remember_failure();
}
void FileWriter::append(std::string_view text) {
  stream_.write(text.data(), static_cast<std::streamsize>(text.size()));
  remember_failure();
}
void FileWriter::remember_failure() {
  if (!stream_ && failure_.empty()) failure_ = last_reason();
}

void FileWriter::close() {
  if (!stream_.is_open()) return;
  stream_.close();
  remember_failure();
  if (!stream_) throw EnvironmentError("cannot write all of " + path_.string() + ": " + failure_);
}

void FileWriter::commit() {
  close();
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (error) {
    throw EnvironmentError("cannot write " + path_.string() + ": " + reason_of(error));
  }
  committed_ = true;
}

}  // namespace imroute
