# Warnings, hardening and sanitizers of every target below the folder that includes this: the one place for them.
include(CheckCXXCompilerFlag)

option(UNBRAID_WARNINGS_AS_ERRORS "Warnings are errors; off, so that a newer compiler can't break an install" OFF)
option(UNBRAID_HARDENING "Guards against exploits in optimised builds" ON)
set(UNBRAID_SANITIZE "" CACHE STRING "Sanitizers to build with, as in address,undefined or thread; empty: none")

if(MSVC)
  add_compile_options(/W4 /permissive- /utf-8)
else()
  add_compile_options(-Wall -Wextra -Wpedantic -Wundef)
endif()
if(UNBRAID_WARNINGS_AS_ERRORS)
  add_compile_options($<IF:$<CXX_COMPILER_ID:MSVC>,/WX,-Werror>)
endif()

# Binaries do not say where they were built: the same source gives the same bytes in any folder.
if(NOT MSVC)
  add_compile_options(-ffile-prefix-map=${PROJECT_BINARY_DIR}=build -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
endif()

if(UNBRAID_SANITIZE)
  # vptr: a host's interface classes are not ours, only laid out like them.
  add_compile_options(-fsanitize=${UNBRAID_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${UNBRAID_SANITIZE})
endif()

function(unbraid_add_flags_if_known)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "UNBRAID_KNOWS${flag}" known)
    check_cxx_compiler_flag(${flag} ${known})
    if(${known})
      add_compile_options($<$<NOT:$<CONFIG:Debug>>:${flag}>)
    endif()
  endforeach()
endfunction()

# Sanitizers see more than these guards do, and some get in each other's way.
if(UNBRAID_HARDENING AND NOT UNBRAID_SANITIZE)
  if(MSVC)
    add_compile_options(/guard:cf)
    add_link_options(/guard:cf)
  else()
    unbraid_add_flags_if_known(-fstack-protector-strong)
    # A C library that knows only level 2 takes 3 for 2. Some compilers come with a level of their own.
    add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
                        $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
    if(MINGW)  # where the guards' functions are in a library of their own
      add_link_options(-fstack-protector-strong)
    endif()
    if(NOT APPLE AND NOT WIN32)
      unbraid_add_flags_if_known(-fstack-clash-protection)
      add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
    endif()
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND NOT APPLE)
      unbraid_add_flags_if_known(-fcf-protection=full)
    elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
      unbraid_add_flags_if_known(-mbranch-protection=standard)
    endif()
  endif()
endif()
