# The client libraries of the stores in cluster/store: SQLite, Redis.
find_package(SQLite3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
target_link_libraries(imroute_cluster PRIVATE SQLite::SQLite3 PkgConfig::HIREDIS)
