#include "tests/contract/real/ground.h"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

namespace imroute::contract {

namespace {

// What is killed in the tests is a process, not the machine: no disk is needed.
std::filesystem::path in_memory() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

Folder::Folder() : Folder(in_memory()) {}

Folder::Folder(const std::filesystem::path& where) {
  std::string name = (where / "imroute-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void run_until(cluster::Loop& loop, std::string_view what, const std::function<bool()>& condition) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point limit = Clock::now() + std::chrono::minutes(2);
  loop.context().restart();
  while (!condition()) {
    if (Clock::now() > limit) throw std::runtime_error("never came: " + std::string(what));
    loop.context().run_one_for(std::chrono::milliseconds(20));
  }
}

}  // namespace imroute::contract
