# Documents that the servers of a cluster carry inside themselves.
set(openapi ${PROJECT_SOURCE_DIR}/cluster/http/openapi.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${openapi}
             ${PROJECT_SOURCE_DIR}/cluster/http/chat.html)
file(READ ${openapi} IMROUTE_OPENAPI)
file(READ ${PROJECT_SOURCE_DIR}/cluster/http/chat.html IMROUTE_CHAT_PAGE)
configure_file(${PROJECT_SOURCE_DIR}/cluster/http/documents.cc.in ${PROJECT_BINARY_DIR}/documents.cc @ONLY)
target_sources(imroute_cluster PRIVATE ${PROJECT_BINARY_DIR}/documents.cc)
