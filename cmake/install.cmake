# What `cmake --install` puts where: the program with its configurations, pages of the manual and
# completions; the library of rooms with its headers, for `find_package(tessera CONFIG)`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(TESSERA_LIBRARY_ROOMS core files distributed optim data layers formats tasks train)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tessera)

# Headers are included as "tessera/core/tensor.h" by who uses them, and by each other then, too: the
# include path of the installation is the only one, and holds one folder.
install(CODE "set(TESSERA_SOURCE \"${PROJECT_SOURCE_DIR}\")
set(TESSERA_ROOMS ${TESSERA_LIBRARY_ROOMS})
set(TESSERA_INCLUDE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/tessera\")"
  COMPONENT library)
install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake COMPONENT library)

foreach(room ${TESSERA_LIBRARY_ROOMS})
  set_target_properties(tessera_${room} PROPERTIES EXPORT_NAME ${room})
  target_include_directories(tessera_${room} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  install(TARGETS tessera_${room} EXPORT tessera
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
endforeach()
install(EXPORT tessera NAMESPACE tessera:: FILE tesseraTargets.cmake
  DESTINATION ${package_dir} COMPONENT library)
configure_package_config_file(cmake/tesseraConfig.cmake.in tesseraConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(tesseraConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tesseraConfig.cmake
  ${PROJECT_BINARY_DIR}/tesseraConfigVersion.cmake DESTINATION ${package_dir} COMPONENT library)

if(TESSERA_BUILD_PROGRAM)
  install(TARGETS tessera RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/tessera COMPONENT program)
  install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
  if(TARGET tessera_shell)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
      COMPONENT program)
    foreach(place bash-completion/completions/tessera zsh/vendor-completions/_tessera
        fish/vendor_completions.d/tessera.fish)
      get_filename_component(folder ${place} DIRECTORY)
      install(FILES ${PROJECT_BINARY_DIR}/completions/${place}
        DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder} COMPONENT program)
    endforeach()
  endif()
endif()
