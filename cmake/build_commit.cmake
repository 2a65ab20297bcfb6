# Writes the version and the commit the program is built from; "unknown" outside a git checkout.
#   cmake -DOUTPUT=x.cc -DSOURCE=dir -DVERSION=1.2.3 -P build_commit.cmake
find_program(git git)
set(commit unknown)
if(git)
  execute_process(COMMAND ${git} -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE found
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(commit ${found})
  endif()
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "// Generated; do not edit.
#include \"cli/embedded.h\"

namespace imroute {
const char* build_version() { return \"${VERSION}\"; }
const char* build_commit() { return \"${commit}\"; }
}  // namespace imroute
" @ONLY NEWLINE_STYLE UNIX)
