#include "supervisor/ports/node_message.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "base/json_text.h"

namespace tend::supervisor {
namespace {

using Family = SocketAddress::Family;
using Kind = NodeMessage::Kind;

NodeMessage Query(const std::string& members) {
  return ParseNodeMessage(R"({"cmd":"NODE_CLUSTER","act":"queryServer","seq":3,)" + members + '}');
}

TEST(NodeMessage, UnderstandsWhatNodeSays) {
  EXPECT_EQ(ParseNodeMessage("\"ready\"").kind, Kind::kReady);
  EXPECT_EQ(ParseNodeMessage(R"({"cmd":"NODE_HANDLE_ACK"})").kind, Kind::kHandleAck);
  EXPECT_EQ(ParseNodeMessage(R"({ "cmd": "NODE_HANDLE_ACK" })").kind, Kind::kHandleAck);
  EXPECT_EQ(ParseNodeMessage(R"({"cmd":"NODE_HANDLE_NACK"})").kind, Kind::kHandleNack);
  EXPECT_EQ(ParseNodeMessage(R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":1})").kind,
            Kind::kHandle);
  const auto closed = ParseNodeMessage(R"({"cmd":"NODE_CLUSTER","act":"close","key":"k","seq":1})");
  EXPECT_EQ(closed.kind, Kind::kClose);
  EXPECT_EQ(closed.key, "k");
  const auto leaving =
      ParseNodeMessage(R"({"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":8})");
  EXPECT_EQ(leaving.kind, Kind::kLeaving);
  EXPECT_EQ(leaving.seq, 8);
}

TEST(NodeMessage, ReadsAnAnswerInNodesWordsAndInOthers) {
  for (const char* text :
       {R"({"cmd":"NODE_CLUSTER","ack":1700000000000001,"accepted":true,"seq":5})",
        R"({"seq":5,"cmd":"NODE_CLUSTER","accepted":true,"ack":1700000000000001})"}) {
    const NodeMessage message = ParseNodeMessage(text);
    EXPECT_EQ(message.kind, Kind::kAnswer);
    EXPECT_EQ(message.ack, 1700000000000001);
    EXPECT_TRUE(message.accepted);
  }
  const auto no = ParseNodeMessage(R"({"cmd":"NODE_CLUSTER","ack":1,"accepted":false,"seq":5})");
  EXPECT_EQ(no.kind, Kind::kAnswer);
  EXPECT_FALSE(no.accepted);
}

TEST(NodeMessage, ReadsWhatAWorkerWantsToListenOn) {
  auto any = Query(R"("index":0,"data":null,"address":null,"port":3000,"addressType":4)").query;
  EXPECT_EQ(any.address, (SocketAddress{Family::kAny, "", 3000}));
  EXPECT_EQ(any.key, "null:3000:4:undefined:0");
  EXPECT_EQ(any.wrong, 0);
  EXPECT_TRUE(any.first);
  auto v6 =
      Query(R"("index":1,"address":"::1","port":0,"addressType":6,"flags":1,"backlog":7)").query;
  EXPECT_EQ(v6.address, (SocketAddress{Family::kIpv6, "::1", 0}));
  EXPECT_TRUE(v6.options.ipv6_only);
  EXPECT_EQ(v6.options.backlog, 7);
  EXPECT_FALSE(v6.first);
  auto path =
      Query(R"("address":"/run/x.sock","port":-1,"addressType":-1,"readableAll":true)").query;
  EXPECT_EQ(path.address, (SocketAddress{Family::kUnix, "/run/x.sock", 0}));
  EXPECT_TRUE(path.options.readable_all);
  auto udp = Query(R"("address":"0.0.0.0","port":53,"addressType":"udp4","flags":4)").query;
  EXPECT_TRUE(udp.options.datagram);
  EXPECT_TRUE(udp.options.reuse_address);
  auto fd = Query(R"("address":null,"port":null,"addressType":null,"fd":12)").query;
  EXPECT_EQ(fd.fd, 12);
  auto tls = Query(R"("address":null,"port":1,"addressType":4,"data":{"ticketKeys":"ab"})").query;
  EXPECT_EQ(tls.data, R"({"ticketKeys":"ab"})");
}

TEST(NodeMessage, SaysWhatIsWrongWithAnOddQueryInsteadOfFollowingIt) {
  EXPECT_EQ(Query(R"("address":null,"port":70000,"addressType":4)").query.wrong, EINVAL);
  EXPECT_EQ(Query(R"("address":"relative","port":-1,"addressType":-1)").query.wrong, EINVAL);
  EXPECT_EQ(Query(R"("address":"/a\u0000b","port":-1,"addressType":-1)").query.wrong, EINVAL);
  EXPECT_EQ(Query(R"("port":1,"addressType":"tcp9")").query.wrong, EINVAL);
  EXPECT_EQ(
      Query(R"("port":1,"addressType":4,"address":")" + std::string(5000, 'a') + '"').query.wrong,
      ENAMETOOLONG);
}

TEST(NodeMessage, TakesTypedMessagesWithData) {
  const auto typed = ParseNodeMessage(R"({"type":"axm:monitor","data":{"a":[1,"x"]},"more":1})");
  EXPECT_EQ(typed.kind, Kind::kTyped);
  EXPECT_EQ(typed.type, "axm:monitor");
  EXPECT_EQ(typed.data, R"({"a":[1,"x"]})");
  for (const char* text :
       {R"({"type":"x"})", R"({"type":"x","data":null})", R"({"type":"x","data":0})",
        R"({"type":"x","data":""})", R"({"type":"","data":1})", R"({"type":5,"data":1})",
        R"({"type":"x","data":1,"cmd":"NODE_FOO"})"}) {
    EXPECT_EQ(ParseNodeMessage(text).kind, Kind::kOther) << text;
  }
}

TEST(NodeMessage, IgnoresWhatIsNoMessage) {
  for (const char* text :
       {"", "0", "true", "null", "\"x\"", "[]", "{", "{}", "{\"cmd\":5}", "ready",
        "{\"cmd\":\"NODE_CLUSTER\"}", "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"fly\"}",
        "{\"type\":\"x\",\"data\":\"\xff\"}"}) {
    EXPECT_EQ(ParseNodeMessage(text).kind, Kind::kOther) << text;
  }
  EXPECT_EQ(ParseNodeMessage(R"({"type":"x","data":)" + std::string(100000, '[')).kind,
            Kind::kOther);
  // Without a number there is nothing that an answer could name.
  EXPECT_EQ(ParseNodeMessage(R"({"cmd":"NODE_CLUSTER","act":"queryServer","port":1})").kind,
            Kind::kOther);
}

TEST(NodeMessage, AnswersAreLinesThatTheKernelTakesWhole) {
  const std::string key(1000, '\x01'), data(kListenDataMax, '9');
  const QueryReply reply{1, 2, key, data};
  for (const std::string& line :
       {SharedReply(reply, true), RoundRobinReply(reply, {Family::kIpv6, "::", 80}),
        ErrorReply(reply, EADDRINUSE), NewConnection(7, Quoted(key))}) {
    EXPECT_LT(line.size(), 32u << 10);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
  }
}

}  // namespace
}  // namespace tend::supervisor
