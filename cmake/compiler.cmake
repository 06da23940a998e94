# The compiler, its warnings, and the sanitized builds.
#
# clang-19 with libstdc++ and lld is what Hikyaku is built and tested with.
# GCC before 13 destroys captures of lambda coroutines twice and crashes on
# `if (co_await f())`, so it is refused here rather than at run time.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    message(FATAL_ERROR
        "GCC ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines (co_await inside a condition, "
        "capturing lambda coroutines). Use clang-19: CXX=clang++-19 CC=clang-19, or `make`.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(HK_WERROR "Warnings are errors" ON)
set(HK_SANITIZE "" CACHE STRING "Empty, or: address (with undefined), thread, fuzzer")

find_program(HK_CCACHE ccache)
if(HK_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${HK_CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${HK_CCACHE})
endif()

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_link_options(-fuse-ld=lld)
endif()

if(HK_SANITIZE STREQUAL "address" OR HK_SANITIZE STREQUAL "fuzzer")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
    # RocksDB and spdlog of the system are built without RTTI for some of their types.
    add_compile_options(-fno-sanitize=vptr)
elseif(HK_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
    add_link_options(-fsanitize=thread)
endif()
if(HK_SANITIZE STREQUAL "fuzzer")
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Strict warnings, for our own code only.
add_library(hk_strict INTERFACE)
target_compile_options(hk_strict INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor
    $<$<BOOL:${HK_WERROR}>:-Werror>)
