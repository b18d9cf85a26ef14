package asterisk_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/logtest"
)

// mixedLog is a busy server's log: mostly calls, some phones, an attack.
func mixedLog() [][]byte {
	print := printers[0].print
	security := func(name, account string) string {
		form := securityForm(name)
		address := securityAddr(netip.MustParseAddrPort("203.0.113.7:5071"), event.UDP)
		return print("SECURITY", "res_security_log.c", printSecurity(form, "PJSIP", map[string]string{
			accountID: account, sessionID: "1f0c7a2e-9b1d-4c55-8d0e-0a7c3c5b9f11", localAddress: "IPV4/UDP/192.0.2.10/5060", remoteAddress: address,
		}))
	}
	var lines [][]byte
	for i := range 100 {
		account := fmt.Sprint(100 + i)
		for _, line := range []string{
			print("VERBOSE", "pbx.c", "Executing [100@internal:1] Dial(\"PJSIP/101-00000001\", \"PJSIP/100,20\") in new stack"),
			print("VERBOSE", "app_dial.c", "Called PJSIP/100"),
			print("VERBOSE", "res_rtp_asterisk.c", "0x7f20e4005780 -- Strict RTP learning complete - Locking on source address 203.0.113.9:4000"),
			print("DEBUG", "channel.c", "Channel 0x7f20e4005780 'PJSIP/101-00000001' hanging up. Refs: 3"),
			print("WARNING", "res_rtp_asterisk.c", "RTP Read error: Connection refused.  Hanging up."),
			security("ChallengeSent", account),
			security("SuccessfulAuth", account),
			print("NOTICE", "res_pjsip/pjsip_distributor.c", "Request 'REGISTER' from '\""+account+"\" <sip:"+account+"@pbx.example.org>' failed for '203.0.113.7:5071' (callid: 1f0c7a2e) - Failed to authenticate"),
			security("ChallengeResponseFailed", account),
			security("InvalidAccountID", account),
			print("NOTICE", "res_pjsip_session.c", "Call from 'anonymous' (UDP:203.0.113.7:5071) to extension '9"+account+"' rejected because extension not found in context 'public'."),
		} {
			lines = append(lines, []byte(line))
		}
	}
	return lines
}

func BenchmarkClassify(b *testing.B) {
	lines := mixedLog()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		logline.Classify(lines[i%len(lines)], logline.Asterisk, logtest.Clock)
	}
}

func BenchmarkReader(b *testing.B) {
	lines := mixedLog()
	r := logline.Reader{Format: logline.Auto, Clock: logtest.Clock}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Put(lines[i%len(lines)], time.Time{})
		for r.Next() != nil {
		}
	}
}

func BenchmarkClassifyKinds(b *testing.B) {
	lines := mixedLog()[:10]
	for i, name := range []string{"verbose", "called", "rtp", "debug", "warning", "challenge", "success", "request", "response", "account"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				logline.Classify(lines[i], logline.Asterisk, logtest.Clock)
			}
		})
	}
}

// TestReaderAllocations: a log that runs well leaves no garbage.
func TestReaderAllocations(t *testing.T) {
	lines := mixedLog()
	r := logline.Reader{Format: logline.Auto, Clock: logtest.Clock}
	i := 0
	n := testing.AllocsPerRun(2000, func() {
		r.Put(lines[i%len(lines)], time.Time{})
		for r.Next() != nil {
		}
		i++
	})
	if n > 0 {
		t.Errorf("%v allocations a line", n)
	}
}
