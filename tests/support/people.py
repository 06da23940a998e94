"""Made-up customers, the same for the same numbers."""

import csv

FAMILY = ("佐藤", "鈴木", "髙橋", "田中", "伊藤", "渡邉", "山本", "中村", "小林", "𠮷田")
GIVEN = ("蓮", "陽葵", "湊", "凛", "樹", "詩", "大翔", "結菜", "颯太", "さくら")
LATIN = ("Anna Müller", "José García", "O'Brien, Pat", 'Kim "KJ" Jones', "Zoë Łukasz", "Ed Lee")
PREFECTURES = ("東京都", "大阪府", "北海道", "沖縄県", "愛知県")
HEADER = ("email", "name", "prefecture", "points", "joined")


def name_of(number):
    if number % 3 == 2:
        return LATIN[number // 3 % len(LATIN)]
    return f"{FAMILY[number % len(FAMILY)]} {GIVEN[number // 10 % len(GIVEN)]}"


def person(number, domains):
    """The cells of customer `number`, in the order of HEADER."""
    return (
        f"customer{number}@{domains[number % len(domains)]}",
        name_of(number),
        PREFECTURES[number % len(PREFECTURES)],
        str(number * 7 % 5000),
        f"20{10 + number % 15}-{1 + number % 12:02}-{1 + number % 28:02}",
    )


def write_csv(path, count, domains):
    """A file of `count` customers, with a header row."""
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        writer.writerows(person(number, domains) for number in range(count))
