# Libraries that Debian 12 and Ubuntu 24.04 package. LibTorch is found by LibTorch.cmake.

find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(gRPC REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(CLI11 REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(libarchive REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(libturbojpeg REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(librsvg REQUIRED IMPORTED_TARGET librsvg-2.0)

# Debian's libcsv has no pkg-config file.
find_library(TRIBUTARY_LIBCSV csv REQUIRED)
find_path(TRIBUTARY_LIBCSV_INCLUDE csv.h REQUIRED)
add_library(tributary_libcsv INTERFACE)
target_include_directories(tributary_libcsv SYSTEM INTERFACE ${TRIBUTARY_LIBCSV_INCLUDE})
target_link_libraries(tributary_libcsv INTERFACE ${TRIBUTARY_LIBCSV})

# OpenCV's own CMake files come only with libopencv-dev and its gigabyte of dependencies; the three
# modules used here have packages of their own.
find_path(TRIBUTARY_OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
add_library(tributary_opencv INTERFACE)
target_include_directories(tributary_opencv SYSTEM INTERFACE ${TRIBUTARY_OPENCV_INCLUDE})
foreach(module core imgproc imgcodecs)
  find_library(TRIBUTARY_OPENCV_${module} opencv_${module} REQUIRED)
  target_link_libraries(tributary_opencv INTERFACE ${TRIBUTARY_OPENCV_${module}})
endforeach()
