#include "cluster/store/sqlite/database.h"

#include <sqlite3.h>

namespace imroute::cluster {

Database::Database(const std::string& path) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string why = handle_ == nullptr ? "out of memory" : sqlite3_errmsg(handle_);
    sqlite3_close(handle_);
    throw SqliteError("cannot open " + path + ": " + why);
  }
}

Database::~Database() { sqlite3_close(handle_); }

void Database::run(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void Database::fail(std::string_view doing) const {
  std::string why = sqlite3_errmsg(handle_);
  if (sqlite3_errcode(handle_) == SQLITE_BUSY) why += ": another process has the file open";
  throw SqliteError(why + " (" + std::string(doing) + ")");
}

Statement::Statement(const Database& database, std::string_view sql) : database_(database) {
  const int result = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (result != SQLITE_OK) database.fail(sql);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::bind_number(int index, int64_t value) {
  if (sqlite3_bind_int64(handle_, index, value) != SQLITE_OK) database_.fail("bind");
}

void Statement::bind(int index, std::string_view text) {
  if (sqlite3_bind_text(handle_, index, text.data(), static_cast<int>(text.size()),
                        SQLITE_STATIC) != SQLITE_OK) {
    database_.fail("bind");
  }
}

void Statement::bind(int index, std::span<const std::byte> bytes) {
  // No bytes are an empty value, not NULL.
  const void* data = bytes.empty() ? "" : static_cast<const void*>(bytes.data());
  if (sqlite3_bind_blob(handle_, index, data, static_cast<int>(bytes.size()), SQLITE_STATIC) !=
      SQLITE_OK) {
    database_.fail("bind");
  }
}

Query::~Query() { sqlite3_reset(statement_.handle_); }

bool Query::next() {
  const int result = sqlite3_step(statement_.handle_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) statement_.database_.fail(sqlite3_sql(statement_.handle_));
  return false;
}

uint64_t Query::number(int column) const {
  return static_cast<uint64_t>(sqlite3_column_int64(statement_.handle_, column));
}

std::string_view Query::text(int column) const {
  const void* data = sqlite3_column_blob(statement_.handle_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_.handle_, column));
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size);
}

}  // namespace imroute::cluster
