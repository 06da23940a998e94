# conf/bounce-rules.yaml becomes a source file of the module bounce: the rules are there without a file.
add_executable(embed_bounce_rules ${CMAKE_SOURCE_DIR}/cmake/embed_bounce_rules.cpp)
target_link_libraries(embed_bounce_rules PRIVATE hk_yaml)
set(bounce_lines ${CMAKE_BINARY_DIR}/generated/built_in_lines.cpp)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${bounce_lines}
    COMMAND embed_bounce_rules ${CMAKE_SOURCE_DIR}/conf/bounce-rules.yaml ${bounce_lines}
    DEPENDS embed_bounce_rules ${CMAKE_SOURCE_DIR}/conf/bounce-rules.yaml)
target_sources(hikyaku_bounce PRIVATE ${bounce_lines})
