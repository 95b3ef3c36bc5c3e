# SPDX-License-Identifier: BSD-3-Clause
# Compiler flags for every target: warnings, sanitizers, coverage.

add_compile_options(
  -Wall -Wextra -Wpedantic
  -Wshadow -Wconversion -Wundef -Wvla
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  # Media is const everywhere but in core/pm: a cast must not take that away.
  -Wcast-qual -Wwrite-strings
  # __FILE__ is part of assertions and of observer sites, which are compared
  # between machines.
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  # What gcc's -Wpedantic accepts under __extension__, clang calls -Wgnu.
  add_compile_options(-Wno-gnu)
endif()
if(PPT_WERROR)
  add_compile_options(-Werror)
endif()

# Assertions guard against the programmer's errors and stay on in release.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config}
    "${CMAKE_C_FLAGS_${config}}")
endforeach()

# True where the objects hold more than the product's own code, so that tests
# of symbols and of installed files would test the instrumentation.
set(PPT_INSTRUMENTED OFF)

if(PPT_SANITIZE)
  list(JOIN PPT_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})
  set(PPT_INSTRUMENTED ON)
endif()

if(PPT_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
  set(PPT_INSTRUMENTED ON)
endif()

if(PPT_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "PPT_FUZZ needs clang: cmake --preset fuzz")
  endif()
  # Of what is fuzzed alone: see libpptable.  Comparisons are not traced, which
  # is most of what -fsanitize=fuzzer costs: inputs are not compared with what
  # they should have been, but sealed.
  # AFL++'s compiler brings its own instrumentation, and its own driver for
  # -fsanitize=fuzzer.
  if(NOT CMAKE_C_COMPILER MATCHES afl-)
    set(PPT_FUZZ_OPTIONS -fsanitize-coverage=inline-8bit-counters,pc-table)
  endif()
  add_link_options(-fsanitize=fuzzer-no-link)
  set(PPT_INSTRUMENTED ON)
endif()
