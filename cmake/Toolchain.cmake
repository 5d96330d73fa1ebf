# Compiler cache, warnings and sanitizers, for every target of the project.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)

add_library(tributary_compile_options INTERFACE)
target_compile_options(tributary_compile_options INTERFACE -Wall -Wextra -Wpedantic -Werror
                       # The same bits whether or not a machine can multiply and add in one step.
                       -ffp-contract=off)
# What g++ has no check for (locks) or checks differently (a narrowing that is meant is a static_cast).
target_compile_options(tributary_compile_options INTERFACE $<$<CXX_COMPILER_ID:Clang>:
                       -Wthread-safety -Wshadow -Wconversion -Wsign-conversion>)
target_include_directories(tributary_compile_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(tributary_compile_options INTERFACE Threads::Threads)

set(TRIBUTARY_SANITIZE "" CACHE STRING "Sanitizers for the whole build: address,undefined or thread")
if(TRIBUTARY_SANITIZE)
  add_compile_options(-fsanitize=${TRIBUTARY_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TRIBUTARY_SANITIZE})
  # g++ 12 sees uninitialised reads in its own instrumented standard library.
  target_compile_options(tributary_compile_options INTERFACE
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

option(TRIBUTARY_FUZZ "Make the programs of tests/fuzz fuzzers; needs clang" OFF)
if(TRIBUTARY_FUZZ)
  # Counts which branches an input takes, in all code of the project that it can reach.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
