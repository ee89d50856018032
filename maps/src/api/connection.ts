/** Every answer, or the lack of one, comes in; whether the service can be reached and still knows the user goes out. */
import { reactive } from "vue";

export const connection = reactive({ reachable: true, signedIn: false });

/** Note what an answer's status tells about the connection; 0 stands for no answer. */
export function note(status: number): void {
  connection.reachable = status !== 0 && status !== 502 && status !== 504;
  if (status === 401) connection.signedIn = false;
}
