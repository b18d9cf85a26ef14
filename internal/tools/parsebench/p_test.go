package main
import ("testing";ours "github.com/sipward/sipward/internal/sip")
func BenchmarkOurs(b *testing.B){ ms:=corpus(1,4000); var m ours.Message; b.ReportAllocs(); b.ResetTimer()
 i:=0; for b.Loop(){ extractOurs(&m,ms[i%4000]); i++ }}
func BenchmarkIndex(b *testing.B){ ms:=corpus(1,4000); var m ours.Message; b.ReportAllocs(); b.ResetTimer()
 i:=0; for b.Loop(){ m.Parse(ms[i%4000]); i++ }}
