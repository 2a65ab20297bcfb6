# Debian packages by CPack (preset `deb`, `./dev deb`): `imroute`, what runs on a server, and
# `libimroute-core-dev`, what others embed. What a package has beside what `cmake --install` lays
# down elsewhere: configuration that the administrator owns, a manual page, its papers.
set(doc ${CMAKE_INSTALL_DOCDIR})
set(papers ${CMAKE_CURRENT_BINARY_DIR}/papers)
install(CODE "
  file(MAKE_DIRECTORY \"${papers}\")
  foreach(paper changelog imroute.1)
    execute_process(COMMAND gzip -9nc \"${PROJECT_SOURCE_DIR}/deploy/debian/\${paper}\"
                    OUTPUT_FILE \"${papers}/\${paper}.gz\" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()" ALL_COMPONENTS)
install(FILES ${papers}/imroute.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime)
foreach(pair runtime=imroute development=libimroute-core-dev)
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  install(FILES deploy/debian/copyright ${papers}/changelog.gz
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
endforeach()
install(FILES deploy/config/router.json deploy/config/node-0.json DESTINATION /etc/imroute COMPONENT runtime)

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)  # for /etc
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "imroute maintainers <maintainers@imroute.invalid>" CACHE STRING "Maintainer")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "message routing for chat backends, simulated and real")
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
    "Holds users' connections on many machines and finds them: every accepted\nmessage is delivered once and in order while machines crash and move. The\nsame routing core runs in a deterministic simulator, which compares the\nstrategies for a given cluster.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "The routing core of imroute, to be embedded: state machines on the standard\nlibrary alone, with headers and a CMake package (imroute::core).")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME imroute)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "redis-server, zookeeperd")
set(debian ${PROJECT_SOURCE_DIR}/deploy/debian)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
    ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libimroute-core-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
include(CPack)
