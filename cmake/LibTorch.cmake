# Finds LibTorch as unpacked from the `torch` wheel and offers it as tributary::torch.
#
# LIBTORCH_ROOT (variable or environment) is the folder that holds the wheel's `torch/` and, beside
# it, `nvidia/` with libcudart and libcupti; deploy/fetch-libtorch.sh makes one. A plain LibTorch
# archive (include/ and lib/ directly below) is taken as well.
#
# Only ATen, c10, caffe2 and torch of the wheel's headers are put on the path: it also carries its
# own google/protobuf and fmt, which break Debian's. CUDA is not linked; it is loaded at run time.

if(NOT LIBTORCH_ROOT)
  if(DEFINED ENV{LIBTORCH_ROOT})
    set(LIBTORCH_ROOT $ENV{LIBTORCH_ROOT})
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(LIBTORCH_ROOT $ENV{XDG_CACHE_HOME}/tributary/libtorch)
  else()
    set(LIBTORCH_ROOT $ENV{HOME}/.cache/tributary/libtorch)
  endif()
endif()
if(EXISTS ${LIBTORCH_ROOT}/torch/lib/libtorch_cpu.so)
  set(_torch ${LIBTORCH_ROOT}/torch)
elseif(EXISTS ${LIBTORCH_ROOT}/lib/libtorch_cpu.so)
  set(_torch ${LIBTORCH_ROOT})
else()
  message(FATAL_ERROR "No LibTorch in LIBTORCH_ROOT=${LIBTORCH_ROOT}: expected "
                      "torch/lib/libtorch_cpu.so there. Run deploy/fetch-libtorch.sh, or set LIBTORCH_ROOT.")
endif()

set(_headers ${PROJECT_BINARY_DIR}/libtorch-include)
file(MAKE_DIRECTORY ${_headers})
foreach(folder ATen c10 caffe2 torch)
  file(CREATE_LINK ${_torch}/include/${folder} ${_headers}/${folder} SYMBOLIC)
endforeach()

file(GLOB _cuda_stubs ${LIBTORCH_ROOT}/nvidia/*/lib)
set(_rpath ${_torch}/lib ${_cuda_stubs})
add_library(tributary_torch INTERFACE)
add_library(tributary::torch ALIAS tributary_torch)
target_include_directories(tributary_torch SYSTEM INTERFACE ${_headers})
target_link_libraries(tributary_torch INTERFACE ${_torch}/lib/libtorch_cpu.so ${_torch}/lib/libc10.so)
target_link_options(tributary_torch INTERFACE -Wl,--allow-shlib-undefined)
foreach(folder ${_rpath})
  target_link_options(tributary_torch INTERFACE -Wl,-rpath,${folder})
endforeach()
