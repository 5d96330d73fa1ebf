# NEEDS_TORCH, in each of these: the target links LibTorch, directly or not, and is left out where TRIBUTARY_TORCH is OFF.

# tributary_library(NAME SOURCES ... [PUBLIC ...] [PRIVATE ...] [NEEDS_TORCH])
#   A static library tributary_NAME. PUBLIC: libraries that its headers need; PRIVATE: the rest.
function(tributary_library name)
  cmake_parse_arguments(ARG "NEEDS_TORCH" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(ARG_NEEDS_TORCH AND NOT TRIBUTARY_TORCH)
    return()
  endif()
  add_library(tributary_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(tributary_${name} PUBLIC tributary_compile_options ${ARG_PUBLIC}
                                          PRIVATE ${ARG_PRIVATE})
endfunction()

# tributary_binary(NAME SOURCES ... LIBRARIES ... [NEEDS_TORCH]): a program in build/<preset>/bin.
function(tributary_binary name)
  cmake_parse_arguments(ARG "NEEDS_TORCH" "" "SOURCES;LIBRARIES" ${ARGN})
  if(ARG_NEEDS_TORCH AND NOT TRIBUTARY_TORCH)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE tributary_compile_options ${ARG_LIBRARIES})
endfunction()

# tributary_test(NAME LABEL unit|golden|integration|... SOURCES ... LIBRARIES ... [TIMEOUT seconds] [READS_SOURCE]
#                [NEEDS_TORCH])
#   One GoogleTest program; each of its tests is a ctest test named NAME.Suite.Test. READS_SOURCE: it reads files of the
#   repository under TRIBUTARY_SOURCE_DIR. Without it a compiler cache serves checkouts in any folder.
function(tributary_test name)
  cmake_parse_arguments(ARG "READS_SOURCE;NEEDS_TORCH" "LABEL;TIMEOUT" "SOURCES;LIBRARIES" ${ARGN})
  if(ARG_NEEDS_TORCH AND NOT TRIBUTARY_TORCH)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE tributary_compile_options ${ARG_LIBRARIES} GTest::gmock
                                        GTest::gtest_main)
  # What is tested is as optimised as ever; the tests themselves are not: that is a third of their compile time.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  if(ARG_READS_SOURCE)
    target_compile_definitions(${name} PRIVATE TRIBUTARY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  endif()
  # Sanitizers must not judge what they cannot see: tests/sanitizers says what, and why.
  set(suppressions ${PROJECT_SOURCE_DIR}/tests/sanitizers)
  set(environment "")
  if(TRIBUTARY_SANITIZE STREQUAL "thread")
    target_sources(${name} PRIVATE ${suppressions}/thread_mutex.cc)
    target_link_libraries(${name} PRIVATE absl::synchronization)
    set(environment ENVIRONMENT
        "TSAN_OPTIONS=ignore_noninstrumented_modules=1 suppressions=${suppressions}/thread.txt")
  elseif(TRIBUTARY_SANITIZE)
    set(environment ENVIRONMENT "LSAN_OPTIONS=suppressions=${suppressions}/leak.txt")
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} ${environment})
endfunction()
