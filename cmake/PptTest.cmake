# SPDX-License-Identifier: BSD-3-Clause
# Tests: what every one of them gets, and cmocka programs and scripts made of
# the files in a folder.

# Pools of tests are on a file system without DAX; without PMEM_IS_PMEM_FORCE
# each persist would be an msync.  BUILD and SOURCE say where things are.
# Tests run in the source directory, so that docs/FORMAT.md is docs/FORMAT.md.
function(ppt_test_defaults test)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "LABELS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
    if("slow" IN_LIST arg_LABELS)
      set(arg_TIMEOUT 1800)
    endif()
  endif()
  if(PPT_INSTRUMENTED)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 5")
  endif()
  set_tests_properties(${test} PROPERTIES
    LABELS "${arg_LABELS}"
    TIMEOUT ${arg_TIMEOUT}
    SKIP_RETURN_CODE 77
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    ENVIRONMENT "PMEM_IS_PMEM_FORCE=1;BUILD=${PROJECT_BINARY_DIR};SOURCE=${PROJECT_SOURCE_DIR}")
endfunction()

# ppt_add_test(<name> SOURCES <file>... [LABELS <label>...] [TIMEOUT <s>])
# One cmocka program, linked to the library's internals, as ctest <name>.
function(ppt_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LABELS")
  string(REPLACE "." "_" target ${name}_test)
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ppt_internal PkgConfig::CMOCKA)
  if(TARGET ppt_test_support)
    target_link_libraries(${target} PRIVATE ppt_test_support)
  endif()
  # cmocka hands a state to every test, most have no use for it.
  target_compile_options(${target} PRIVATE -Wno-unused-parameter)
  add_test(NAME ${name} COMMAND ${target})
  ppt_test_defaults(${name} LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT})
endfunction()

# ppt_add_test_folder(<label>)
# tests/<label>/<module>_test.c and tests/<label>/<module>.sh become the tests
# <label>.<module>; with "slow" at the end of <module> they have that label
# too.  Scripts that others source are called lib*.sh.
function(ppt_add_test_folder label)
  file(GLOB files CONFIGURE_DEPENDS ${label}/*_test.c ${label}/*.sh)
  list(FILTER files EXCLUDE REGEX "/lib[^/]*\\.sh$")
  foreach(file IN LISTS files)
    get_filename_component(module ${file} NAME_WE)
    string(REGEX REPLACE "_test$" "" module ${module})
    set(labels ${label})
    if(module MATCHES "slow$")
      list(APPEND labels slow)
    endif()
    if(file MATCHES "\\.c$")
      ppt_add_test(${label}.${module} SOURCES ${file} LABELS ${labels})
    else()
      add_test(NAME ${label}.${module} COMMAND bash ${file})
      ppt_test_defaults(${label}.${module} LABELS ${labels})
    endif()
  endforeach()
endfunction()
