# tests/<tier>/<module>/*.cpp becomes the executable <tier>_<module>, one ctest entry each.
# Tiers: unit (pure and in-memory), fault (injected failures), sim (seeded schedules).
# tests/<tier>/<module>/libs.cmake may set EXTRA_LIBS for an oracle or a further module.
file(GLOB suites CONFIGURE_DEPENDS LIST_DIRECTORIES true
     ${CMAKE_SOURCE_DIR}/tests/unit/* ${CMAKE_SOURCE_DIR}/tests/fault/* ${CMAKE_SOURCE_DIR}/tests/sim/*)
foreach(suite ${suites})
    if(NOT IS_DIRECTORY ${suite})
        continue()
    endif()
    get_filename_component(module ${suite} NAME)
    get_filename_component(tier_dir ${suite} DIRECTORY)
    get_filename_component(tier ${tier_dir} NAME)
    file(GLOB suite_sources CONFIGURE_DEPENDS ${suite}/*.cpp)
    if(NOT suite_sources OR NOT TARGET hikyaku_${module})
        continue()
    endif()
    set(EXTRA_LIBS "")
    include(${suite}/libs.cmake OPTIONAL)
    add_executable(${tier}_${module} ${suite_sources})
    target_include_directories(${tier}_${module} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support
                               ${CMAKE_SOURCE_DIR}/src/${module})
    target_compile_definitions(${tier}_${module} PRIVATE HK_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_link_libraries(${tier}_${module} PRIVATE hikyaku_${module} ${EXTRA_LIBS} GTest::gmock
                          GTest::gtest_main)
    set_target_properties(${tier}_${module} PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${tier}_${module} COMMAND ${tier}_${module})
    set_tests_properties(${tier}_${module} PROPERTIES LABELS ${tier} TIMEOUT 600)
endforeach()
