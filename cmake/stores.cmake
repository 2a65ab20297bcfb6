# The client libraries of the stores in cluster/store: SQLite.
find_package(SQLite3 REQUIRED)
target_link_libraries(imroute_cluster PRIVATE SQLite::SQLite3)
