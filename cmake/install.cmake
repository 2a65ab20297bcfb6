# What `cmake --install` lays down: the program with its completions and scenarios, and the routing core
# as a package, so that others embed it (`find_package(imroute)`, `imroute::core`).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME runtime)
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set_target_properties(imroute_core PROPERTIES EXPORT_NAME core)
target_compile_features(imroute_core PUBLIC cxx_std_20)
target_include_directories(imroute_core INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/imroute>)
install(TARGETS imroute_core EXPORT imroute ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        COMPONENT development)
install(DIRECTORY core DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/imroute COMPONENT development FILES_MATCHING PATTERN *.h
        PATTERN planted*.h EXCLUDE)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/imroute)
install(EXPORT imroute FILE imrouteConfig.cmake NAMESPACE imroute:: DESTINATION ${package_dir}
        COMPONENT development)
write_basic_package_version_file(imrouteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/imrouteConfigVersion.cmake DESTINATION ${package_dir}
        COMPONENT development)

install(TARGETS imroute RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY scenarios deploy/grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/imroute)
if(NOT IMROUTE_DEB)  # a package has it in its copyright
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
endif()

# The program writes its own completions, so it must run where it is built.
set(completions ${CMAKE_CURRENT_BINARY_DIR}/completions)
foreach(pair bash=imroute zsh=_imroute fish=imroute.fish)
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 shell)
  list(GET pair 1 name)
  install(CODE "file(MAKE_DIRECTORY \"${completions}/${shell}\")
    execute_process(COMMAND \"$<TARGET_FILE:imroute>\" completions ${shell}
                    OUTPUT_FILE \"${completions}/${shell}/${name}\" COMMAND_ERROR_IS_FATAL ANY)")
endforeach()
install(FILES ${completions}/bash/imroute DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completions}/zsh/_imroute DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${completions}/fish/imroute.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# Units for systemd, which name the program where it is installed.
foreach(unit imroute-node@.service imroute-router.service)
  configure_file(deploy/systemd/${unit} ${unit} @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${unit} DESTINATION lib/systemd/system)
endforeach()
install(FILES deploy/systemd/imroute.conf DESTINATION lib/sysusers.d)

if(IMROUTE_DEB)
  include(cmake/package.cmake)
endif()
