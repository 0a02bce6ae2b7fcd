# Writes COMMIT_HEADER, a line with the commit of SOURCE_DIR, if it says another one. Run by each build.
execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=*
  WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE
  ERROR_QUIET)
file(CONFIGURE OUTPUT ${COMMIT_HEADER} CONTENT "#define TESSERA_COMMIT \"${commit}\"\n")
