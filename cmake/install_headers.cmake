# Copies the headers of the library's rooms, TESSERA_ROOMS below TESSERA_SOURCE, to TESSERA_INCLUDE,
# and lets them include each other from there. Left out is what needs headers of others that the
# library keeps to itself: oneDNN's, MPI's, nlohmann's.
foreach(room ${TESSERA_ROOMS})
  file(GLOB_RECURSE headers RELATIVE ${TESSERA_SOURCE} ${TESSERA_SOURCE}/${room}/*.h)
  foreach(header ${headers})
    file(READ ${TESSERA_SOURCE}/${header} text)
    if(header MATCHES "^core/onednn/|^distributed/mpi/|/kernels/vectors/" OR
       text MATCHES "#include [<\"](nlohmann|formats/json\\.h|core/onednn|core/kernels/vectors)")
      continue()
    endif()
    string(REGEX REPLACE "#include \"(core|files|distributed|optim|data|layers|formats|tasks|train)/"
      "#include \"tessera/\\1/" text "${text}")
    file(WRITE ${TESSERA_INCLUDE}/${header} "${text}")
  endforeach()
endforeach()
message(STATUS "Installing headers: ${TESSERA_INCLUDE}")
