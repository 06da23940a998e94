# hikyaku_module(NAME [DIR dir] [DEPS module...] [PUBLIC_LIBS lib...] [PRIVATE_LIBS lib...])
#
# Declares the library hikyaku_<NAME> from src/<NAME>/*.cpp. Its public headers are
# include/hikyaku/<NAME>/. They are reached through a private include root that holds
# this module alone, so only modules that name it in DEPS (or inherit it) see them.
function(hikyaku_module name)
    cmake_parse_arguments(arg "" "DIR" "DEPS;PUBLIC_LIBS;PRIVATE_LIBS" ${ARGN})
    set(sources_dir ${CMAKE_SOURCE_DIR}/src/${name})
    set(headers_dir ${CMAKE_SOURCE_DIR}/include/hikyaku/${name})
    if(arg_DIR)
        set(sources_dir ${CMAKE_SOURCE_DIR}/${arg_DIR}/src)
        set(headers_dir ${CMAKE_SOURCE_DIR}/${arg_DIR}/include/hikyaku/${name})
    endif()
    file(GLOB sources CONFIGURE_DEPENDS ${sources_dir}/*.cpp)
    set(root ${CMAKE_BINARY_DIR}/include/${name})
    file(MAKE_DIRECTORY ${root}/hikyaku)
    if(EXISTS ${headers_dir})
        file(CREATE_LINK ${headers_dir} ${root}/hikyaku/${name} SYMBOLIC)
    endif()

    set(deps ${arg_DEPS})
    list(TRANSFORM deps PREPEND hikyaku_)
    if(sources)
        add_library(hikyaku_${name} STATIC ${sources})
        target_include_directories(hikyaku_${name} PUBLIC ${root} PRIVATE ${sources_dir})
        target_link_libraries(hikyaku_${name} PUBLIC ${deps} ${arg_PUBLIC_LIBS}
                              PRIVATE ${arg_PRIVATE_LIBS} hk_strict)
    else()
        add_library(hikyaku_${name} INTERFACE)
        target_include_directories(hikyaku_${name} INTERFACE ${root})
        target_link_libraries(hikyaku_${name} INTERFACE ${deps} ${arg_PUBLIC_LIBS} ${arg_PRIVATE_LIBS})
    endif()
endfunction()
