/** The look of a state comes in; the picture that stands for it on the map goes out. */
import type { Language } from "../language";
import type { Look } from "./states";

/** The same families as the page: names on the map are mostly Chinese, and nothing is fetched. */
const FONTS = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif';
export const font = (px: number, weight = 400): string => `${weight} ${px}px ${FONTS}`;

/** Drawn larger than shown, so that letters stay sharp on fine screens. */
export const SHARPNESS = 3;

/**
 * Draw a state's disc and letter as one picture. As a circle and a text they would be drawn in two passes, all circles
 * first, and where incidents lie close together their letters would run into each other.
 */
export function disc(look: Look, tongue: Language): HTMLCanvasElement {
  const [radius, rim] = [11, 2];
  const size = 2 * (radius + rim);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * SHARPNESS;
  const pen = canvas.getContext("2d")!;
  pen.scale(SHARPNESS, SHARPNESS);
  pen.arc(size / 2, size / 2, radius, 0, 2 * Math.PI);
  pen.fillStyle = look.disc;
  pen.fill();
  // A white disc needs a dark rim; the others a white one, to stand off the map.
  pen.strokeStyle = look.disc === "#ffffff" ? look.ink : "#ffffff";
  pen.lineWidth = rim;
  pen.stroke();
  pen.font = font(13, 700);
  pen.textAlign = "center";
  pen.fillStyle = look.ink;
  // Centred by what is inked: Chinese and Latin letters sit differently on their baselines.
  const { actualBoundingBoxAscent: above, actualBoundingBoxDescent: below } = pen.measureText(look.letter[tongue]);
  pen.fillText(look.letter[tongue], size / 2, (size + above - below) / 2);
  return canvas;
}
