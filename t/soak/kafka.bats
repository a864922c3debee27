load ../helper
load ../kafka

@test "kafka-put: no broker is 75" {
	printf 'a\n1\n' >in.csv
	run_rc 75 kafka-put -b 127.0.0.1:1 -t plain in.csv
	has "$err" 'no broker can be reached'
}
