# Writes OUTPUT, the definition of tend::Revision() for the tree SOURCE, if it is not that already.
#   cmake -DGIT=<git, if there is one> -DSOURCE=<folder> -DOUTPUT=<file> -P revision.cmake
set(revision unknown)
if(GIT)
  # Of this tree, not of a repository that an unpacked archive lies in, nor of the hook that builds it.
  cmake_path(GET SOURCE PARENT_PATH above)
  set(ENV{GIT_CEILING_DIRECTORIES} "${above}")
  unset(ENV{GIT_DIR})
  unset(ENV{GIT_WORK_TREE})
  unset(ENV{GIT_INDEX_FILE})
  set(ENV{GIT_OPTIONAL_LOCKS} 0)
  execute_process(
    COMMAND ${GIT} -c safe.directory=${SOURCE} -C ${SOURCE} describe --always --dirty --exclude=*
    OUTPUT_VARIABLE said RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed AND said MATCHES "^[0-9a-f]+(-dirty)?$")
    set(revision ${said})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [=[
#include "base/revision.h"

std::string_view tend::Revision() {
  return "@revision@";
}
]=])
