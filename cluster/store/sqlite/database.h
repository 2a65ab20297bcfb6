// SQLite in the few words that the mailbox needs: a database, prepared statements, and queries that
// give their statement back at the end of the scope, so that none keeps an old state of the file
// alive. What SQLite refuses is thrown: the transaction around it ends, whatever it was doing.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace imroute::cluster {

class SqliteError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Database {
 public:
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql);  // any number of statements, without results
  bool in_transaction() const;
  sqlite3* handle() const { return handle_; }
  [[noreturn]] void fail(std::string_view doing) const;

 private:
  sqlite3* handle_ = nullptr;
};

class Query;

class Statement {
 public:
  Statement(const Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // With its parameters, from the first. Text and bytes must outlive the query.
  template <class... Values>
  Query with(const Values&... values);

 private:
  friend class Query;
  void bind(int index, std::integral auto value) {
    bind_number(index, static_cast<int64_t>(value));
  }
  void bind(int index, std::string_view text);
  void bind(int index, std::span<const std::byte> bytes);
  void bind_number(int index, int64_t value);

  const Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

class Query {
 public:
  explicit Query(Statement& statement) : statement_(statement) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool next();  // the next row is there
  void run() {
    while (next()) {}
  }
  // Columns of the row, from 0. Numbers are kept as 64 bits whatever their sign.
  uint64_t number(int column) const;
  uint32_t small(int column) const { return static_cast<uint32_t>(number(column)); }
  std::string_view text(int column) const;

 private:
  Statement& statement_;
};

template <class... Values>
Query Statement::with(const Values&... values) {
  int index = 0;
  (bind(++index, values), ...);
  return Query(*this);
}

}  // namespace imroute::cluster
