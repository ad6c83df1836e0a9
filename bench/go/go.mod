module meshpkibench

go 1.24
