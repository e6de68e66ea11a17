export function getServerSideProps() {
  return { props: { pid: process.pid } };
}

export default function Home({ pid }) {
  return (
    <main>
      Hello next, pid <b>{pid}</b>
    </main>
  );
}
