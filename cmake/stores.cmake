# The client libraries of the stores in cluster/store: SQLite, Redis, ZooKeeper.
find_package(SQLite3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
# Debian's package of the ZooKeeper client describes itself to no build tool.
find_path(ZOOKEEPER_INCLUDE zookeeper/zookeeper.h REQUIRED)
find_library(ZOOKEEPER_LIBRARY zookeeper_mt REQUIRED)
add_library(imroute_zookeeper_client INTERFACE)
target_include_directories(imroute_zookeeper_client SYSTEM INTERFACE ${ZOOKEEPER_INCLUDE})
target_link_libraries(imroute_zookeeper_client INTERFACE ${ZOOKEEPER_LIBRARY})
target_compile_definitions(imroute_zookeeper_client INTERFACE THREADED)
target_link_libraries(imroute_cluster PRIVATE SQLite::SQLite3 PkgConfig::HIREDIS imroute_zookeeper_client)
